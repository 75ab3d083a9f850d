import keras
from keras.layers import *
keras.backend.set_image_data_format("channels_first")
model = keras.Sequential([Input((3, 20, 24)), Conv2D(8, 3), BatchNormalization(axis=1), MaxPooling2D(), Flatten(), Dense(4)])
