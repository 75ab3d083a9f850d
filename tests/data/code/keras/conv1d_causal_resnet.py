import keras
from keras import layers
def tcn_block(x, filters, k, d):
    r = x
    x = layers.Conv1D(filters, k, padding="causal", dilation_rate=d)(x)
    x = layers.LayerNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.SpatialDropout1D(0.1)(x)
    if r.shape[-1] != filters:
        r = layers.Conv1D(filters, 1)(r)
    return layers.Add()([x, r])
i = keras.Input((64, 3))
x = i
for d in [2 ** n for n in range(3)]:
    x = tcn_block(x, 12, 3, d)
x = x[:, -1, :]
model = keras.Model(i, layers.Dense(1)(x))
