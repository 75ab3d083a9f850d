import tensorflow as tf

model = tf.keras.models.Sequential([
    tf.keras.layers.Conv2D(6, 5, activation='tanh', input_shape=(32, 32, 1)),
    tf.keras.layers.AveragePooling2D(2),
    tf.keras.layers.Activation('sigmoid'),
    tf.keras.layers.Conv2D(16, 5, activation=tf.nn.tanh),
    tf.keras.layers.AveragePooling2D(2),
    tf.keras.layers.Activation(tf.nn.sigmoid),
    tf.keras.layers.Conv2D(120, 5, activation=tf.keras.activations.tanh),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(84, activation='tanh'),
    tf.keras.layers.Dense(10, activation='softmax')
])
model.compile(optimizer=tf.keras.optimizers.SGD(0.01), loss='sparse_categorical_crossentropy')
