import keras
from keras import layers
i = keras.Input((6, 16, 16, 3))
x = layers.TimeDistributed(layers.Conv2D(4, 3, activation="relu"))(i)
x = layers.TimeDistributed(layers.MaxPooling2D())(x)
x = layers.TimeDistributed(layers.Flatten())(x)
x = layers.Bidirectional(layers.LSTM(7, return_sequences=True), merge_mode="sum")(x)
x = layers.GRU(5)(x)
model = keras.Model(i, layers.Dense(2)(x))
