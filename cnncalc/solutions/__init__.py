"""The inverse of a trace: the settings of a layer, the inputs of a network and the stacks that give what is wanted."""
