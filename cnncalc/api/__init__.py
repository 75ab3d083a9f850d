"""The functions of `import cnncalc`: on networks, and on arrays, which need NumPy."""
