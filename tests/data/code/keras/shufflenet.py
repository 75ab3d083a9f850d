import keras
from keras import layers, ops

def channel_shuffle(x, groups):
    height, width, channels = x.shape[1:]
    channels_per_group = channels // groups
    x = layers.Reshape((height, width, groups, channels_per_group))(x)
    x = layers.Permute((1, 2, 4, 3))(x)
    x = layers.Reshape((height, width, channels))(x)
    return x

def unit(x, out_channels, strides):
    if strides == 1:
        a, b = ops.split(x, 2, axis=-1)
        b = layers.Conv2D(out_channels // 2, 1, use_bias=False)(b)
        b = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(b)
        out = layers.Concatenate()([a, b])
    else:
        a = layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
        a = layers.Conv2D(out_channels // 2, 1)(a)
        b = layers.Conv2D(out_channels // 2, 1)(x)
        b = layers.DepthwiseConv2D(3, strides=2, padding="same")(b)
        out = layers.concatenate([a, b])
    return channel_shuffle(out, 2)

inp = keras.Input((32, 24, 8))
x = unit(inp, 16, 2)
x = unit(x, 16, 1)
x = ops.mean(x, axis=(1, 2))
model = keras.Model(inp, layers.Dense(3)(x))
