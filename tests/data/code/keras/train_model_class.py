import tensorflow as tf
from tensorflow import keras
class GAN(keras.Model):
    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer = d_optimizer
    @property
    def metrics(self):
        return [self.d_loss_metric]
    def train_step(self, real_images):
        batch_size = tf.shape(real_images)[0]
        with tf.GradientTape() as tape:
            predictions = self.discriminator(real_images)
        return {"d_loss": 1}
    def call(self, z):
        return self.discriminator(self.generator(z))
gen = keras.Sequential([keras.layers.Input((16,)), keras.layers.Dense(49), keras.layers.Reshape((7, 7, 1)), keras.layers.Conv2DTranspose(1, 4, 2, "same")])
dis = keras.Sequential([keras.layers.Input((14, 14, 1)), keras.layers.Conv2D(4, 3, 2), keras.layers.Flatten(), keras.layers.Dense(1)])
gan = GAN(discriminator=dis, generator=gen, latent_dim=16)
gan.compile(d_optimizer=keras.optimizers.Adam(), g_optimizer=keras.optimizers.Adam(), loss_fn=None)
gan.build((None, 16))
model = keras.Model(gen.inputs, dis(gen.outputs[0]))
