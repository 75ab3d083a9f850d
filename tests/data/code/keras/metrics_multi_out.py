import keras
from keras import layers
i = keras.Input((48, 48, 1))
x = layers.Conv2D(4, 3, activation="relu")(i)
x = layers.Flatten()(layers.MaxPool2D(4)(x))
age = layers.Dense(1, name="age")(x)
gender = layers.Dense(2, activation="softmax", name="gender")(x)
model = keras.Model(inputs=i, outputs=[age, gender])
model.compile(optimizer="adam", loss={"age": "mse", "gender": "sparse_categorical_crossentropy"})
