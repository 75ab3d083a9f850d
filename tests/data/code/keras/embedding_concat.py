import keras
from keras import layers
cats = {"city": 12, "day": 7}
inputs, parts = [], []
for name, n in cats.items():
    i = keras.Input(shape=(1,), name=name)
    e = layers.Embedding(n, min(50, (n + 1) // 2), name=f"emb_{name}")(i)
    parts.append(layers.Flatten()(e))
    inputs.append(i)
num = keras.Input((4,), name="num")
inputs.append(num)
x = layers.Concatenate()(parts + [layers.BatchNormalization()(num)])
for u in [64, 32]:
    x = layers.Dense(u, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.Dropout(0.3)(x)
model = keras.Model(inputs=inputs, outputs=layers.Dense(1, activation="sigmoid")(x))
