import keras
from keras import layers
def encoder(shape=(32, 32, 1)):
    i = keras.Input(shape)
    x = layers.Conv2D(8, 3, 2, "same", activation="relu")(i)
    skip = x
    x = layers.Conv2D(16, 3, 2, "same", activation="relu")(x)
    return keras.Model(i, [skip, x], name="enc")
enc = encoder()
inp = keras.Input((32, 32, 1))
s, h = enc(inp)
h = layers.Conv2DTranspose(8, 2, 2)(h)
out = layers.Conv2D(1, 1)(layers.Concatenate()([s, h]))
model = keras.Model(inp, out)
