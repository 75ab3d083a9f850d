import keras
from keras import layers
m = keras.models.Sequential()
m.add(keras.Input(shape=(30,)))
m.add(layers.Dense(20, activation=layers.LeakyReLU(0.2)))
m.add(layers.Dense(20, activation="elu"))
m.add(layers.Activation(keras.activations.hard_sigmoid))
m.add(layers.Dense(10, activation=keras.activations.softmax))
m.add(layers.PReLU())
m.add(layers.ELU(alpha=0.5))
m.add(layers.Softmax())
m.add(layers.ActivityRegularization(0.1))
m.add(layers.GaussianNoise(0.1))
m.add(layers.AlphaDropout(0.1))
model = m
