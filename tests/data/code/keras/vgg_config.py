import tensorflow as tf
from tensorflow.keras import Sequential
from tensorflow.keras.layers import Conv2D, MaxPool2D, Flatten, Dense, Dropout, Input

cfgs = {"A": [64, "M", 128, "M", 256, 256, "M"], "B": [64, 64, "M"]}

def make_layers(cfg):
    layers = []
    for v in cfg:
        if v == "M":
            layers.append(MaxPool2D(pool_size=2, strides=2))
        else:
            layers += [Conv2D(v, 3, padding="same", activation="relu")]
    return layers

class VGG(tf.keras.Model):
    def __init__(self, features, num_classes=10, **kwargs):
        super(VGG, self).__init__(**kwargs)
        self.features = Sequential(features, name="features")
        self.classifier = Sequential([Flatten(), Dense(128, activation="relu"), Dropout(0.5), Dense(num_classes)])

    def call(self, x, training=False):
        x = self.features(x, training=training)
        if training:
            x = x * 2
        return self.classifier(x)

def vgg(name="A", **kwargs):
    return VGG(make_layers(cfgs[name]), **kwargs)

model = vgg("A", num_classes=7)
model.build(input_shape=(None, 32, 32, 3))
