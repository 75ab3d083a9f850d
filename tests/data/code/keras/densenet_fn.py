import keras
from keras import layers

def conv_block(x, growth_rate, name):
    x1 = layers.BatchNormalization(epsilon=1.001e-5, name=name + "_0_bn")(x)
    x1 = layers.Activation("relu", name=name + "_0_relu")(x1)
    x1 = layers.Conv2D(4 * growth_rate, 1, use_bias=False, name=name + "_1_conv")(x1)
    x1 = layers.BatchNormalization(epsilon=1.001e-5, name=name + "_1_bn")(x1)
    x1 = layers.Activation("relu", name=name + "_1_relu")(x1)
    x1 = layers.Conv2D(growth_rate, 3, padding="same", use_bias=False, name=name + "_2_conv")(x1)
    x = layers.Concatenate(name=name + "_concat")([x, x1])
    return x

def dense_block(x, blocks, name):
    for i in range(blocks):
        x = conv_block(x, 32, name=name + "_block" + str(i + 1))
    return x

def transition_block(x, reduction, name):
    x = layers.BatchNormalization(epsilon=1.001e-5, name=name + "_bn")(x)
    x = layers.Activation("relu", name=name + "_relu")(x)
    x = layers.Conv2D(int(x.shape[-1] * reduction), 1, use_bias=False, name=name + "_conv")(x)
    x = layers.AveragePooling2D(2, strides=2, name=name + "_pool")(x)
    return x

blocks = [3, 4]
inputs = keras.Input((64, 64, 3))
x = layers.ZeroPadding2D(padding=((3, 3), (3, 3)))(inputs)
x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
x = layers.BatchNormalization(epsilon=1.001e-5)(x)
x = layers.Activation("relu")(x)
x = layers.ZeroPadding2D(padding=((1, 1), (1, 1)))(x)
x = layers.MaxPooling2D(3, strides=2)(x)
for index, number in enumerate(blocks, start=2):
    x = dense_block(x, number, name=f"conv{index}")
    if index - 2 < len(blocks) - 1:
        x = transition_block(x, 0.5, name=f"pool{index}")
x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
x = layers.Dense(11, activation="softmax", name="predictions")(x)
model = keras.Model(inputs, x, name="densenet")
