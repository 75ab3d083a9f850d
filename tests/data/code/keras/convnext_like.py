import keras
from keras import layers, ops


def block(x, dim, drop=0.0, name="b"):
    residual = x
    x = layers.DepthwiseConv2D(7, padding="same", name=f"{name}_dw")(x)
    x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_ln")(x)
    x = layers.Dense(4 * dim, name=f"{name}_pw1")(x)
    x = layers.Activation("gelu")(x)
    x = layers.Dense(dim, name=f"{name}_pw2")(x)
    if drop:
        x = layers.Dropout(drop)(x)
    return residual + x


def convnext(depths=(2, 2), dims=(24, 40), classes=10):
    inputs = keras.Input((64, 64, 3))
    x = layers.Conv2D(dims[0], 4, strides=4)(inputs)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    rates = [0.1 * i for i in range(sum(depths))]
    cur = 0
    for i, (depth, dim) in enumerate(zip(depths, dims)):
        if i > 0:
            x = layers.LayerNormalization(epsilon=1e-6)(x)
            x = layers.Conv2D(dim, 2, 2)(x)
        for j in range(depth):
            x = block(x, dim, rates[cur + j], name=f"stage{i}_block{j}")
        cur += depth
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    return keras.Model(inputs, layers.Dense(classes)(x), name="convnext")


model = convnext()
