"""Print the lower bounds of pyproject.toml as pip's constraints: click>=8.1.8 becomes click==8.1.8."""

import tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
groups = [project["dependencies"], *project["optional-dependencies"].values()]
print(*sorted({line.replace(">=", "==") for group in groups for line in group if ">=" in line}), sep="\n")
