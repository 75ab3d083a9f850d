import tensorflow as tf
from tensorflow.keras.layers import (Conv2D, DepthwiseConv2D, BatchNormalization, Activation, Concatenate,
                                     GlobalAveragePooling2D, Reshape, Multiply, Add, Input, Dense, Dropout)
from tensorflow.keras import Model
import math

def _make_divisible(v, divisor=4, min_value=None):
    if min_value is None:
        min_value = divisor
    new_v = max(min_value, int(v + divisor / 2) // divisor * divisor)
    if new_v < 0.9 * v:
        new_v += divisor
    return new_v

def ghost_module(x, oup, ratio=2, kernel_size=1, dw_size=3, stride=1, relu=True):
    init_channels = math.ceil(oup / ratio)
    new_channels = init_channels * (ratio - 1)
    x1 = Conv2D(init_channels, kernel_size, strides=stride, padding='same', use_bias=False)(x)
    x1 = BatchNormalization()(x1)
    x1 = Activation('relu')(x1) if relu else x1
    x2 = DepthwiseConv2D(dw_size, 1, padding='same', depth_multiplier=new_channels // init_channels, use_bias=False)(x1)
    x2 = BatchNormalization()(x2)
    x2 = Activation('relu')(x2) if relu else x2
    out = Concatenate()([x1, x2])
    return out[:, :, :, :oup]

def se(x, ratio=0.25):
    c = int(x.shape[-1])
    s = GlobalAveragePooling2D()(x)
    s = Reshape((1, 1, c))(s)
    s = Conv2D(_make_divisible(c * ratio), 1, activation='relu')(s)
    s = Conv2D(c, 1, activation='hard_sigmoid')(s)
    return Multiply()([x, s])

inp = Input((56, 40, 3))
x = Conv2D(16, 3, 2, 'same', use_bias=False)(inp)
for k, t, c, use_se, s in [(3, 16, 16, 0, 1), (3, 48, 25, 1, 2)]:
    r = x
    x = ghost_module(x, t)
    if s > 1:
        x = DepthwiseConv2D(k, s, padding='same', use_bias=False)(x)
    if use_se:
        x = se(x)
    x = ghost_module(x, c, relu=False)
    if s == 1 and r.shape[-1] == c:
        x = Add()([x, r])
x = GlobalAveragePooling2D()(x)
model = Model(inputs=inp, outputs=Dense(6)(x))
