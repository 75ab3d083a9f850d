import keras
from keras.layers import *
shared = Dense(8, activation="relu", name="shared")
a, b = Input((5,), name="a"), Input((5,), name="b")
x = Concatenate()([shared(a), shared(b)])
x = Dot(axes=1)([shared(a), shared(b)])
model = keras.Model([a, b], Dense(1)(x))
