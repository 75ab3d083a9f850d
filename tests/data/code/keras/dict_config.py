import keras
from keras import layers
CFG = dict(filters=(8, 16), kernels={"a": 3, "b": 5}, act="swish")
KINDS = {"conv": layers.Conv2D, "sep": layers.SeparableConv2D}
inp = x = keras.layers.Input(shape=(20, 24, 2))
for (name, k), f, kind in zip(CFG["kernels"].items(), CFG["filters"], ("conv", "sep")):
    x = KINDS[kind](f, k, padding="same", activation=CFG["act"], name=f"{kind}_{name}")(x)
    x = layers.MaxPooling2D()(x)
*_, c = x.shape
x = layers.Reshape((-1, c))(x)
model = keras.Model(inp, layers.GlobalMaxPooling1D()(x))
