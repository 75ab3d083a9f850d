import tensorflow as tf
class UNet(object):
    def __init__(self, img_rows=64, img_cols=64, base=8):
        self.img_rows, self.img_cols, self.base = img_rows, img_cols, base
    def block(self, x, n):
        for _ in range(2):
            x = tf.keras.layers.Conv2D(n, 3, padding="same", activation=tf.nn.relu)(x)
        return x
    def get_unet(self):
        inputs = tf.keras.layers.Input((self.img_rows, self.img_cols, 1))
        skips, x = [], inputs
        for d in range(3):
            x = self.block(x, self.base * 2 ** d)
            skips.append(x)
            x = tf.keras.layers.MaxPool2D()(x)
        x = self.block(x, self.base * 8)
        for d, skip in reversed(list(enumerate(skips))):
            x = tf.keras.layers.Conv2DTranspose(self.base * 2 ** d, 2, strides=2)(x)
            x = self.block(tf.keras.layers.concatenate([x, skip]), self.base * 2 ** d)
        return tf.keras.models.Model(inputs=[inputs], outputs=[tf.keras.layers.Conv2D(1, 1, activation="sigmoid")(x)])
model = UNet().get_unet()
