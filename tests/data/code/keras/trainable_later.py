import keras
from keras import layers


class Own(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.parts = [layers.Dense(units), {"norm": layers.BatchNormalization()}]

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],))

    def call(self, x):
        return self.parts[1]["norm"](self.parts[0](x * self.gain))


def freeze(model, count):
    for layer in model.layers[:count]:
        layer.trainable = False


base = keras.Sequential([keras.Input((7,)), layers.Dense(6), layers.Dense(5), layers.Dense(4)])
own, lstm, last = Own(3), layers.Bidirectional(layers.LSTM(3)), layers.Dense(2)
inputs = keras.Input((7,))
x = own(base(inputs))
x = last(lstm(layers.Reshape((3, 1))(x)))
model = keras.Model(inputs, x)
freeze(base, 2)
own.trainable = False
lstm.trainable = False
model.layers[-1].trainable = False
last.trainable = True
