import keras
from keras import layers

shared = layers.Conv2D(5, 3, padding="same", name="shared")


def block(name):
    inputs = keras.Input((6, 8, 5))
    return keras.Model(inputs, layers.Conv2D(5, 1)(shared(inputs)), name=name)


one, two = block("one"), block("two")
stack = keras.Sequential([keras.Input((6, 8, 5)), one, layers.ReLU()], name="stack")
slope = layers.PReLU(name="slope")
norm = keras.Sequential([slope, layers.BatchNormalization()], name="norm")

inputs = keras.Input((6, 8, 5))
x = one(stack(two(one(inputs))))
x = norm(slope(x))
model = keras.Model(inputs, layers.TimeDistributed(layers.Dense(3))(x))
