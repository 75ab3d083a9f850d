import keras
from keras import layers
cnn = keras.Sequential([layers.Conv2D(4, 3, input_shape=(16, 16, 1)), layers.GlobalAveragePooling2D()])
model = keras.Sequential()
model.add(layers.TimeDistributed(cnn, input_shape=(5, 16, 16, 1)))
model.add(layers.LSTM(6))
model.add(layers.Dense(1))
