"""Parts of networks in `torchvision.ops` 0.29: source that is evaluated, not imported."""

import torch
from torch import nn


class ConvNormActivation(nn.Sequential):
    """A convolution, a normalization and an activation; the last two are omitted if None."""

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size=3,
        stride=1,
        padding=None,
        groups=1,
        norm_layer=nn.BatchNorm2d,
        activation_layer=nn.ReLU,
        dilation=1,
        inplace=True,
        bias=None,
        conv_layer=nn.Conv2d,
    ):
        if padding is None:
            nd = max([len(one) for one in (kernel_size, dilation) if not isinstance(one, int)], default=0)
            k, d = [[one] * max(nd, 1) if isinstance(one, int) else one for one in (kernel_size, dilation)]
            padding = tuple([(k[i] - 1) // 2 * d[i] for i in range(len(k))]) if nd else (k[0] - 1) // 2 * d[0]
        bias = norm_layer is None if bias is None else bias
        layers = [
            conv_layer(
                in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, groups=groups, bias=bias
            )
        ]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**({} if inplace is None else {"inplace": inplace})))
        super().__init__(*layers)
        self.out_channels = out_channels


class Conv2dNormActivation(ConvNormActivation):
    """A 2D convolution, a normalization and an activation."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, conv_layer=nn.Conv2d, **kwargs)


class Conv3dNormActivation(ConvNormActivation):
    """A 3D convolution, a normalization and an activation."""

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size=3,
        stride=1,
        padding=None,
        groups=1,
        norm_layer=nn.BatchNorm3d,
        *args,
        **kwargs,
    ):
        own = (in_channels, out_channels, kernel_size, stride, padding, groups, norm_layer)
        super().__init__(*own, *args, conv_layer=nn.Conv3d, **kwargs)


class SqueezeExcitation(nn.Module):
    """A gate for each channel, computed from the means of all channels."""

    def __init__(self, input_channels, squeeze_channels, activation=nn.ReLU, scale_activation=nn.Sigmoid):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation, self.scale_activation = activation(), scale_activation()

    def forward(self, input):
        return self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(input))))) * input


class MLP(nn.Sequential):
    """Linear layers with activations and dropout between them."""

    def __init__(
        self,
        in_channels,
        hidden_channels,
        norm_layer=None,
        activation_layer=nn.ReLU,
        inplace=None,
        bias=True,
        dropout=0.0,
    ):
        params = {} if inplace is None else {"inplace": inplace}
        layers = []
        for width in hidden_channels[:-1]:
            layers.append(nn.Linear(in_channels, width, bias=bias))
            if norm_layer is not None:
                layers.append(norm_layer(width))
            layers += [activation_layer(**params), nn.Dropout(dropout, **params)]
            in_channels = width
        layers += [nn.Linear(in_channels, hidden_channels[-1], bias=bias), nn.Dropout(dropout, **params)]
        super().__init__(*layers)


class Permute(nn.Module):
    """A permutation of axes."""

    def __init__(self, dims):
        super().__init__()
        self.dims = dims

    def forward(self, x):
        return torch.permute(x, self.dims)


class FrozenBatchNorm2d(nn.Module):
    """A batch normalization whose arrays are buffers."""

    def __init__(self, num_features, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        return nn.functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class StochasticDepth(nn.Module):
    """An identity; in training, whole paths are dropped at random."""

    def __init__(self, p, mode):
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, input):
        return input


class DropBlock2d(nn.Module):
    """An identity; in training, regions are dropped at random."""

    def __init__(self, p, block_size, inplace=False, eps=1e-6):
        super().__init__()
        self.p, self.block_size, self.inplace, self.eps = p, block_size, inplace, eps

    def forward(self, input):
        return input


class DropBlock3d(DropBlock2d):
    """An identity; in training, regions are dropped at random."""


def stochastic_depth(input, p, mode, training=True):
    """Return the input; in training, whole paths are dropped at random."""
    return input
