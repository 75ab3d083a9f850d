import keras
from keras import layers
base = keras.Sequential([keras.Input((20, 20, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()], name="base")
base.trainable = False
for layer in base.layers[:1]:
    layer.trainable = False
inputs = keras.Input((20, 20, 3))
x = base(inputs, training=False)
x = layers.GlobalMaxPool2D()(x)
model = keras.Model(inputs, layers.Dense(2)(x))
