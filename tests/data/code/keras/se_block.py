import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers as L


def se_block(tensor, ratio=16):
    filters = tensor.shape[-1]
    se = L.GlobalAveragePooling2D()(tensor)
    se = L.Reshape((1, 1, filters))(se)
    se = L.Dense(filters // ratio, activation='relu', use_bias=False)(se)
    se = L.Dense(filters, activation='sigmoid', use_bias=False)(se)
    return L.Multiply()([tensor, se])


def bottleneck(x, filters, stride=1, downsample=False):
    identity = x
    y = L.Conv2D(filters, 1, use_bias=False)(x)
    y = L.BatchNormalization()(y)
    y = tf.keras.activations.relu(y)
    y = L.Conv2D(filters, 3, strides=stride, padding='same', use_bias=False)(y)
    y = L.BatchNormalization()(y)
    y = L.ReLU()(y)
    y = L.Conv2D(filters * 4, 1, use_bias=False)(y)
    y = L.BatchNormalization()(y)
    y = se_block(y)
    if downsample:
        identity = L.Conv2D(filters * 4, 1, strides=stride, use_bias=False)(x)
        identity = L.BatchNormalization()(identity)
    return L.ReLU()(y + identity)


class Config:
    stages = [(32, 2, 1), (64, 2, 2)]
    classes = 7


inp = keras.Input(shape=(64, 64, 3))
x = L.Conv2D(64, 7, 2, 'same', use_bias=False)(inp)
x = L.MaxPooling2D(3, 2, 'same')(x)
for filters, n, stride in Config.stages:
    for i in range(n):
        x = bottleneck(x, filters, stride if i == 0 else 1, downsample=(i == 0))
x = L.GlobalAvgPool2D()(x)
out = L.Dense(Config.classes, 'softmax')(x)
model = keras.Model(inp, out)
