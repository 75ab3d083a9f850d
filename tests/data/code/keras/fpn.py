import keras
from keras import layers, ops
def backbone(x):
    outs = []
    for f in (8, 16, 32):
        x = layers.Conv2D(f, 3, 2, "same", activation="relu")(x)
        outs.append(x)
    return outs
class FeaturePyramid(keras.layers.Layer):
    def __init__(self, channels=12, **kwargs):
        super().__init__(name="FeaturePyramid", **kwargs)
        self.lat = [keras.layers.Conv2D(channels, 1, 1, "same") for _ in range(3)]
        self.out = [keras.layers.Conv2D(channels, 3, 1, "same") for _ in range(3)]
        self.up = keras.layers.UpSampling2D(2)
    def call(self, feats, training=False):
        c3, c4, c5 = feats
        p5 = self.lat[2](c5)
        p4 = self.lat[1](c4) + self.up(p5)
        p3 = self.lat[0](c3) + self.up(p4)
        return [f(p) for f, p in zip(self.out, (p3, p4, p5))]
def head(n):
    h = keras.Sequential([keras.Input(shape=[None, None, 12])])
    for _ in range(2):
        h.add(keras.layers.Conv2D(12, 3, padding="same"))
        h.add(keras.layers.ReLU())
    h.add(keras.layers.Conv2D(n, 3, padding="same"))
    return h
inp = keras.Input((64, 64, 3))
ps = FeaturePyramid()(backbone(inp))
cls = head(5)
outs = [layers.Reshape((-1, 5))(cls(p)) for p in ps]
model = keras.Model(inp, layers.Concatenate(axis=1)(outs))
