import tensorflow as tf
from tensorflow.keras import layers, Model, Input
class Attention(layers.Layer):
    def __init__(self, units):
        super(Attention, self).__init__()
        self.W1 = layers.Dense(units)
        self.V = layers.Dense(1)
    def call(self, features):
        score = tf.nn.tanh(self.W1(features))
        weights = tf.nn.softmax(self.V(score), axis=1)
        context = weights * features
        return tf.reduce_sum(context, axis=1)
inp = Input((30, 8))
h = layers.Bidirectional(layers.GRU(16, return_sequences=True))(inp)
h = layers.TimeDistributed(layers.Dense(12, activation="tanh"))(h)
c = Attention(10)(h)
model = Model(inp, layers.Dense(1, activation="sigmoid")(c))
