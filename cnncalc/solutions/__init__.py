"""The inverse of a trace: settings of a layer, inputs of a network, and stacks of layers that give a wanted result."""
