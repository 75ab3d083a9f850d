import math
import tensorflow as tf
from tensorflow.keras import layers, models

BLOCKS = [
    {"kernel": 3, "repeats": 1, "in": 32, "out": 16, "expand": 1, "stride": 1, "se": 0.25},
    {"kernel": 3, "repeats": 2, "in": 16, "out": 24, "expand": 6, "stride": 2, "se": 0.25},
    {"kernel": 5, "repeats": 2, "in": 24, "out": 40, "expand": 6, "stride": 2, "se": 0.25},
]


def round_filters(filters, width, divisor=8):
    filters *= width
    new = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    if new < 0.9 * filters:
        new += divisor
    return int(new)


def round_repeats(repeats, depth):
    return int(math.ceil(depth * repeats))


def mb_block(inputs, filters_in, filters_out, kernel, stride, expand, se, name, drop=0.0):
    filters = filters_in * expand
    if expand != 1:
        x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=name + "expand_conv")(inputs)
        x = layers.BatchNormalization(axis=3, name=name + "expand_bn")(x)
        x = layers.Activation("swish", name=name + "expand_activation")(x)
    else:
        x = inputs
    x = layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False, name=name + "dwconv")(x)
    x = layers.BatchNormalization(axis=3, name=name + "bn")(x)
    x = layers.Activation("swish", name=name + "activation")(x)
    if 0 < se <= 1:
        filters_se = max(1, int(filters_in * se))
        s = layers.GlobalAveragePooling2D(name=name + "se_squeeze")(x)
        s = layers.Reshape((1, 1, filters), name=name + "se_reshape")(s)
        s = layers.Conv2D(filters_se, 1, padding="same", activation="swish", name=name + "se_reduce")(s)
        s = layers.Conv2D(filters, 1, padding="same", activation="sigmoid", name=name + "se_expand")(s)
        x = layers.multiply([x, s], name=name + "se_excite")
    x = layers.Conv2D(filters_out, 1, padding="same", use_bias=False, name=name + "project_conv")(x)
    x = layers.BatchNormalization(axis=3, name=name + "project_bn")(x)
    if stride == 1 and filters_in == filters_out:
        if drop > 0:
            x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=name + "drop")(x)
        x = layers.add([x, inputs], name=name + "add")
    return x


def efficientnet(width, depth, resolution, classes=10, drop_rate=0.2):
    img = layers.Input(shape=(resolution, resolution, 3))
    x = layers.Conv2D(round_filters(32, width), 3, strides=2, padding="same", use_bias=False, name="stem_conv")(img)
    x = layers.BatchNormalization(axis=3, name="stem_bn")(x)
    x = layers.Activation("swish", name="stem_activation")(x)
    b = 0
    blocks = float(sum(round_repeats(args["repeats"], depth) for args in BLOCKS))
    for i, args in enumerate(BLOCKS):
        filters_in, filters_out = round_filters(args["in"], width), round_filters(args["out"], width)
        for j in range(round_repeats(args["repeats"], depth)):
            if j > 0:
                stride, filters_in = 1, filters_out
            else:
                stride = args["stride"]
            x = mb_block(x, filters_in, filters_out, args["kernel"], stride, args["expand"], args["se"],
                         name="block{}{}_".format(i + 1, chr(j + 97)), drop=drop_rate * b / blocks)
            b += 1
    x = layers.Conv2D(round_filters(128, width), 1, padding="same", use_bias=False, name="top_conv")(x)
    x = layers.BatchNormalization(axis=3, name="top_bn")(x)
    x = layers.Activation("swish", name="top_activation")(x)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if drop_rate > 0:
        x = layers.Dropout(drop_rate, name="top_dropout")(x)
    x = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return models.Model(img, x, name="efficientnet")


model = efficientnet(1.1, 1.2, 96)
