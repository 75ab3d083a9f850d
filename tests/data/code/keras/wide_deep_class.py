import keras
from keras.layers import Dense, Concatenate

class WideAndDeepModel(keras.Model):
    def __init__(self, units=30, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.hidden1 = Dense(units, activation=activation)
        self.hidden2 = Dense(units, activation=activation)
        self.main_output = Dense(1)
        self.aux_output = Dense(1)

    def call(self, inputs):
        input_A, input_B = inputs
        hidden1 = self.hidden1(input_B)
        hidden2 = self.hidden2(hidden1)
        concat = Concatenate()([input_A, hidden2])
        return self.main_output(concat), self.aux_output(hidden2)

base = WideAndDeepModel(30)
a, b = keras.Input((5,)), keras.Input((6,))
model = keras.Model([a, b], base([a, b]))
