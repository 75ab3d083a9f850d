"""What people type first for layers and shapes: each line is read as it is meant, or answered with the right word."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.errors import CnncalcError
from cnncalc.layers import find_op
from cnncalc.layers.intents import INTENTS
from tests.program import Ended, environment, here, process

DATA = Path(__file__).parents[1] / "data" / "words"

MEANT = [  # (typed, what it means); both after an input of 3x32x32
    # calls of frameworks, and lines of print-outs
    ("'Conv2d(3, 64, 3, padding=1)'", "conv:64,c_i=3,k3,p1"),
    ("'nn.Conv2d(3, 64, kernel_size=(3, 5), stride=2)'", "conv:64,c_i=3,k3x5,s2"),
    ("""'Conv2D(32, (3, 3), activation="relu", padding="same")'""", "conv:32,k3,p=same relu:name=conv1_relu"),
    ("'(0): Conv2d(3, 64, kernel_size=(3, 3), stride=(1, 1))'", "conv:64,c_i=3,k3"),
    ("'(stem): Conv2d(3, 64, kernel_size=(3, 3), stride=(1, 1)),'", "conv:64,c_i=3,k3,name=stem"),
    ("'MaxPooling2D()'", "maxpool:2,s2,ceil=false"),
    ("MaxPooling2D", "maxpool:2,s2,ceil=false"),
    ("'nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())' relu", "conv:8,c_i=3,k3 relu relu"),
    ("'layers.Conv2D(8, 3)(x)' 'layers.Conv2D(4, 3, kernel_regularizer=l2(1e-4))'", "conv:8,k3 conv:4,k3"),
    ("'F.relu(x, inplace=True)' 'F.max_pool2d(x, 2)' 'torch.flatten(x, 1)' tf.nn.relu", "relu maxpool:2 flatten relu"),
    # names and positions
    ("Conv2d:64,k3", "conv:64,k3"),
    ("conv2d:64,k3", "conv:64,k3"),
    ("Conv2D:32", "conv:32"),
    ("flatten Linear:10", "flatten linear:10"),
    ("Conv2d:3,64,3", "conv:64,c_i=3,k3"),
    ("Conv2d:3,64,kernel_size=3", "conv:64,c_i=3,k3"),
    ("Conv2d:3,64,k3,bn,relu", "conv:64,c_i=3,k3 bn:name=conv1_bn relu:name=conv1_relu"),
    ("Conv2D:32,3", "conv:32,k3"),
    ("'conv: 6, k5'", "conv:6,k5"),
    ("conv: 6, k5", "conv:6,k5"),
    ("'conv:6,k5 relu'", "conv:6,k5 relu"),
    ("'conv:6,k5,name=\"a b\"' relu", "'conv:6,k5,name=\"a b\"' relu"),
    # names of keys, fused ones and flags
    ("conv:8,kernel=3,pad=1,stride=2", "conv:8,k3,p1,s2"),
    ("conv:filters=8,kernel_size=3,padding=1,dilation=2", "conv:8,k3,p1,d2"),
    ("conv:8,kernel3,pad1,stride2", "conv:8,k3,p1,s2"),
    ("conv:8,k3s2", "conv:8,k3,s2"),
    ("conv:8,k3x5s2p0+1", "conv:8,k3x5,s2,p0+1"),
    ("conv:8,k7/2", "conv:8,k7,s2"),
    ("maxpool:3/2", "maxpool:3,s2"),
    ("conv:8,k3,bias=False", "conv:8,k3,nobias"),
    ("conv:8,k3,bias=0", "conv:8,k3,nobias"),
    ("conv:8,k3,bias=no", "conv:8,k3,nobias"),
    ("conv:8,k3,no_bias", "conv:8,k3,nobias"),
    ("conv:8,k3,bias", "conv:8,k3"),
    ("conv:8,k3,same=true,nobias=1", "conv:8,k3,p=same,nobias"),
    ("conv:8,k3,same=no,nobias=false", "conv:8,k3"),
    # the number of axes in a name
    ("pad2d:1+0 crop2d:1 upsample2d:x2 adaptiveavgpool2d:5",
     "'pad:p=[[1,0],[1,0]]' crop:1x1 upsample:x2x2 adaptiveavgpool:5x5"),
    ("pad1d:1 conv1d:8,k3", "pad:p=[1] conv1d:8,k3"),
    ("'{\"op\": \"crop1d\", \"p\": [[1, 2]]}'", "crop1d:1+2"),
    ("'{\"op\": \"pad1d\", \"pads\": [1, 2]}'", "pad1d:1+2"),
    ("'{\"op\": \"Pad2d\", \"pads\": [1, 3, 2, 4]}'", "pad:1+2x3+4"),
    ("pad2d:1,axis=2", "pad:1,axis=2"),
    ("conv:8,kernel_size='(3, 5)'", "conv:8,k3x5"),
    # kernels in names
    ("conv3x3:64", "conv:64,k3"),
    ("conv1x1:64", "conv:64,k1"),
    ("conv7x7:64,s2", "conv:64,k7,s2"),
    ("conv3x5:64", "conv:64,k3x5"),
    ("maxpool2x2", "maxpool:2"),
    # short names
    ("flatten fc:10", "flatten linear:10"),
    ("flatten 'linear(10)'", "flatten linear:10"),
    ("flatten dense:10", "flatten linear:10"),
    ("bn gap", "batchnorm globalavgpool"),
    ("gmp swish", "globalmaxpool silu"),
    ("deconv:8,k2,s2 upconv:8,k2,s2 conv2d_transpose:8,k2,s2", "convT:8,k2,s2,times=3"),
    ("dw:k3 depthwise:k3 separable:64,k3", "dwconv:k3 dwconv:k3 sepconv:64,k3"),
    ("max_pool:2 leaky_relu hard_swish", "maxpool:2 leakyrelu hardswish"),
    # numbers of ops that have one
    ("MaxPool2d:3,2", "maxpool:3,s2,ceil=false"),
    ("'MaxPool2d(3, 2)'", "maxpool:3,s2,ceil=false"),
    ("BatchNorm2d:3", "batchnorm:c_i=3"),
    ("Dropout:0.3 dropout:0.4", "dropout:rate=0.3 dropout:rate=0.4"),
    ("LeakyReLU:0.2 elu:0.5", "leakyrelu:alpha=0.2 elu:alpha=0.5"),
    ("softmax:1 flatten:1", "softmax:axis=1 flatten"),
    ("ReLU:inplace=true relu:inplace", "relu relu"),
    ("ReLU:6", "relu6"),
    ("'nn.Conv2d(3, 64, 3), nn.ReLU(), nn.MaxPool2d(2)'", "conv:64,c_i=3,k3 relu maxpool:2,s2,ceil=false"),
    ("nn.ReLU 'reshape:(3,1024)' 'permute:[2,1]' reshape:-1",
     "relu reshape:3x1024 permute:2x1 'reshape:out=[-1]'"),
    # groups
    ("conv:64,k3,bn=true,relu=no", "conv:64,k3 batchnorm:name=conv1_bn"),
    ("conv:64,k3,relu", "conv:64,k3 relu:name=conv1_relu"),
    ("conv:64,k3,act=relu", "conv:64,k3 relu:name=conv1_relu"),
    ("conv:64,k3,activation=relu", "conv:64,k3 relu:name=conv1_relu"),
    ("conv:64,k3,activation=linear", "conv:64,k3"),
    ("conv:64,k3,bn,relu", "conv:64,k3 batchnorm:name=conv1_bn relu:name=conv1_relu"),
    ("conv:3,k3,bn,relu,times=2",
     "conv:3,k3 batchnorm:name=conv1_bn relu:name=conv1_relu conv:3,k3 batchnorm:name=conv2_bn relu:name=conv2_relu"),
    ("conv:3,k3,p1,bn,relu,name=a relu add:a+relu1",
     "conv:3,k3,p1,name=a bn:name=a_bn relu:name=a_relu relu add:from=a_relu+relu1"),
    ("conv:3,k3,p1,relu conv:3,k3,p1,tie=conv1", "conv:3,k3,p1 relu:name=conv1_relu conv:3,k3,p1,tie=conv1"),
    ("conv:3,k3,p1,relu relu6:from=conv1", "conv:3,k3,p1 relu:name=conv1_relu relu6:from=conv1_relu"),
    ("conv:3,k3,p1,relu,relu", "conv:3,k3,p1 relu:name=conv1_relu relu:name=conv1_relu_2"),
    ("maxpool:2,ceil", "maxpool:2,ceil=true"),
    ("flatten linear:10,softmax", "flatten linear:10 softmax:name=linear1_softmax"),
    ("conv:64,k3,p1,padding_mode=circular", "pad:1,mode=circular,name=conv1_pad conv:64,k3"),
    ("conv:64,k3,p=same,padding_mode=reflect", "'pad:p=[[1,1],[1,1]],mode=reflect,name=conv1_pad' conv:64,k3"),
    # resizing, joins and borders
    ("UpSampling2D:2", "upsample:factor=2x2"),
    ("UpSampling2D", "upsample:factor=2x2"),
    ("'Upsample(scale_factor=2)'", "upsample:factor=2"),
    ("upsample:x2 upsample:2x", "upsample:factor=2,times=2"),
    ("upsample:x2x3", "upsample:factor=2x3"),
    ("upsample:x1.5", "upsample:factor=1.5"),
    ("upsample:48", "upsample:out=48"),
    ("relu:name=a relu:name=b add:a+b", "relu:name=a relu:name=b add:from=a+b"),
    ("relu:name=a relu:name=b concat:a+b", "relu:name=a relu:name=b concat:from=a+b"),
    ("relu:name=a relu:name=b cat:a+b,relu", "relu:name=a relu:name=b concat:from=a+b relu:name=concat1_relu"),
    ("add:value=0.5", "add:value=0.5"),
    ("pad:3+0 crop:0+3", "'pad:p=[[3,0],[3,0]]' 'crop:p=[[0,3],[0,3]]'"),
    ("unfold:k3", "unfold:3"),
    ("Hardtanh:min_val=0,max_val=4", "clip:min=0,max=4"),
    ("ZeroPad2d:(1,2,3,4)", "'pad:p=[[3,4],[1,2]]'"),
    ("ZeroPad2d:padding=1", "pad:1x1"),
]  # fmt: skip


def layers(line: str, shape: str = "3x32x32") -> Any:
    """Return the layers of the report of a line of words."""
    ended = here(["shape", shape, *shlex.split(line), "--json", "-q"])
    assert ended.code == 0, ended.err
    return json.loads(ended.out)["layers"]


@pytest.mark.parametrize(("typed", "meant"), MEANT, ids=[typed for typed, _ in MEANT])
def test_what_is_typed_is_read_as_what_it_means(typed: str, meant: str) -> None:
    found, wanted = layers(typed), layers(meant)
    assert [one["op"] for one in found] == [one["op"] for one in wanted]
    for one in [*found, *wanted]:
        if "ConvT" in typed or typed.startswith(("upsample", "deconv")):
            one.pop("from", None)
    assert found == wanted


OTHER_AXES = [
    ("3x8", "conv1d:4,k3 pad:3+0 crop:0+3", "conv1d:4,k3 'pad:p=[[3,0]]' 'crop:p=[[0,3]]'"),
    ("3x8", "conv1d:4,k3 'pad:p=[[3,0]]'", "conv1d:4,k3 'pad:p=[[3, 0]]'"),
    ("3x7x8x9", "conv3x3x3:8 pad:0+1", "conv3d:8,k3 'pad:p=[[0,1],[0,1],[0,1]]'"),
    ("3x7x8x9", "'Conv3D(8, 3)'", "conv3d:8,k3"),
    ("10x16", "lstm:64 gru:8 attention", "lstm:out=64 gru:out=8 attention"),
    # a name is that of the last layer's output
    ("5x8", "LSTM:8,3,num_layers=3,name=a,from=input", "lstm:3,c_i=8,from=input lstm:3,c_i=3 lstm:3,c_i=3,name=a"),
    ("5x8", "'(a): LSTM(8, 3, num_layers=2)' tanh:from=a", "lstm:3,c_i=8 lstm:3,c_i=3,name=a tanh:from=a"),
]


@pytest.mark.parametrize(("shape", "typed", "meant"), OTHER_AXES, ids=[typed for _, typed, _ in OTHER_AXES])
def test_words_for_other_numbers_of_axes(shape: str, typed: str, meant: str) -> None:
    assert layers(typed, shape) == layers(meant, shape)


def test_sides_in_one_dimension() -> None:
    assert layers("conv1d:4,k3 pad:3+0", "3x8")[-1]["report"]["out"] == [4, 9]
    assert layers("conv1d:4,k3 crop:0+3", "3x8")[-1]["report"]["out"] == [4, 3]
    assert layers("'ConstantPad1d((1, 2), 0)'", "3x7x8")[0]["report"]["out"] == [3, 7, 11]
    assert layers("'UpSampling1D(2)'", "3x7x8")[0]["report"]["out"] == [3, 7, 16]


def test_a_keras_call_has_the_networks_layout() -> None:
    call = '\'Conv2D(32, (3, 3), activation="relu", padding="same")\''
    assert layers(call)[0]["report"]["params"] == 896
    keras = here(["shape", "3x32x32", *shlex.split(call), "--dialect", "keras", "--json", "-q"])
    assert json.loads(keras.out)["layers"][0]["report"]["params"] == 32 * (32 * 9 + 1)


def test_a_groups_expectation_is_of_its_end() -> None:
    line = 'conv:4,k3,bn,relu,expect={"out":"4x30x30","params":0}'
    ended = here(["shape", "3x32x32", line, "--json"])
    assert (ended.code, ended.err) == (0, "")
    assert [("expect" in one) for one in json.loads(ended.out)["layers"]] == [False, False, True]


ERRORS = [
    ("shape 3x32x32 conv2d:3,64,3",
     "layers[0]: only the first argument may be a bare number, but in a framework's own spelling\n"
     "  3x32x32 conv2d:3,64,3\n                   ^~\n"
     "  Conv2d:3,64,3 is conv:64,c_i=3,k3\n  Conv2D:3,64,3 is conv:3,k64,s3\n"),
    ("shape 3x32x32 maxpool2d:3,2",
     "layers[0]: only the first argument may be a bare number, but in a framework's own spelling\n"
     "  3x32x32 maxpool2d:3,2\n                      ^\n  write maxpool:3,s2\n"),
    ("shape 3x32x32 conv:3,64,3",
     "layers[0]: only the first argument may be a bare number (c_o); c_i follows from the input; name the others: "
     "conv:64,k3\n  3x32x32 conv:3,64,3\n                 ^~\n"),
    ("shape 3x32x32 conv:6,5",
     "layers[0]: only the first argument may be a bare number (c_o); name this one: conv:6,k5\n"
     "  3x32x32 conv:6,5\n                 ^\n"),
    ("shape 3x32x32 conv:6,5x5",
     "layers[0]: only the first argument may be a bare number (c_o); name this one: conv:6,k5\n"
     "  3x32x32 conv:6,5x5\n                 ^~~\n"),
    ("shape 3x32x32 conv:5x5,6",
     "layers[0]: only the first argument may be a bare number (c_o); name this one: conv:6,k5\n"
     "  3x32x32 conv:5x5,6\n                   ^\n"),
    ("shape 3x32x32 conv:6,5x5,2x2",
     "layers[0]: only the first argument may be a bare number (c_o); name this one: conv:6,k5,s2\n"
     "  3x32x32 conv:6,5x5,2x2\n                 ^~~\n"),
    ("shape 3x32x32 conv:6,5,relu",
     "layers[0]: only the first argument may be a bare number (c_o); name this one: conv:6,k5,relu\n"
     "  3x32x32 conv:6,5,relu\n                 ^\n"),
    ("shape 3x32x32 conv:64,3,1,1",
     "layers[0]: only the first argument may be a bare number (c_o); name this one: conv:64,k3,s1,p1\n"
     "  3x32x32 conv:64,3,1,1\n                  ^\n"),
    ("shape 3x32x32 Hardtanh:min_val=0,4",
     "layers[0]: Hardtanh takes no bare number\n  3x32x32 Hardtanh:min_val=0,4\n                             ^\n"
     "  leave it out\n"),
    ("shape 5x8 LSTM:8,3,num_layers=2,relu",
     "layers[0]: relu applies to one layer, but lstm stands for 2 here\n  5x8 LSTM:8,3,num_layers=2,relu\n"
     "      ^~~~~~~~~~~~~~~~~~~~~~~~~~\n  write each layer as a separate word\n"),
    ("shape 5x8 LSTM:8,8,num_layers=2,times=2",
     "layers[0]: times applies to one layer, but lstm stands for 2 here\n  5x8 LSTM:8,8,num_layers=2,times=2\n"
     "      ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n  write each layer as a separate word\n"),
    ("shape 3x32x32 conv:8,k3,act=bogus",
     "layers[0]: unknown op 'bogus'\n  3x32x32 conv:8,k3,act=bogus\n                    ^~~~~~~~~\n"
     "  for the list of ops: cnncalc ops\n"),
    ("shape 3x32x32 conv:8,k3,padding_mode=reflet",
     "layers[0]: 'reflet' is not a padding_mode\n  3x32x32 conv:8,k3,padding_mode=reflet\n"
     "          ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n  did you mean 'reflect' or 'replicate'?\n"),
    ("shape 3x32x32 groupnorm:3,3",
     "layers[0]: only the first argument may be a bare number (g); leave out the others: groupnorm:3\n"
     "  3x32x32 groupnorm:3,3\n                      ^\n"),
    ("shape 3x32x32 embedding:1000,64",
     "layers[0]: only the first argument may be a bare number, but in a framework's own spelling\n"
     "  3x32x32 embedding:1000,64\n                    ^~~~\n  write embedding:rows=1000,out=64\n"),
    ("shape 3x32x32 conv:64:k3",
     "layers[0]: '64:k3' is not an argument\n  3x32x32 conv:64:k3\n               ^~~~~\n"
     "  write one colon after the op, and commas between arguments: conv:64,k3\n"),
    ("shape 3x32x32 conv:64:3:2",
     "layers[0]: '64:3:2' is not an argument\n  3x32x32 conv:64:3:2\n               ^~~~~~\n"
     "  write one colon after the op, and keys before the other numbers: conv:64,k3,s2\n"),
    ("shape 3x32x32 conv:64,k(3,5)",
     "layers[0]: 'k(3,5)' is not a number for k\n  3x32x32 conv:64,k(3,5)\n                  ^~~~~~\n  write k3x5\n"),
    ("shape 3x32x32 conv:64,(3,5)",
     "layers[0]: only the first argument may be a bare number (c_o); name this one: conv:64,k3x5\n"
     "  3x32x32 conv:64,(3,5)\n                  ^~~~~\n"),
    ("shape 3x227x227 conv:96,11,4",
     "layers[0]: only the first argument may be a bare number (c_o); name this one: conv:96,k11,s4\n"
     "  3x227x227 conv:96,11,4\n                    ^~\n"),
    ("shape 3x227x227 conv:K=96,F=11,S=4,P=0",
     "layers[0]: K is the number of filters, and F their size: conv:96,k11,s=4,p=0\n"
     "  3x227x227 conv:K=96,F=11,S=4,P=0\n            ^~~~~~~~~~~~~~~~~~~~~~\n"),
    ("shape 3x32x32 conv:64,F3",
     "layers[0]: conv has no 'F3'\n  3x32x32 conv:64,F3\n                  ^~\n  write k3\n"),
    ("shape 3x32x32 convT:4,k3,s2,op1",
     "layers[0]: convT has no 'op1'\n  3x32x32 convT:4,k3,s2,op1\n                        ^~~\n  write out_pad=1\n"),
    ("shape 3x32x32 convT:4,k3,s2,op=1",
     "layers[0]: convT has no key 'op'\n  3x32x32 convT:4,k3,s2,op=1\n                        ^~~~\n"
     "  did you mean 'out_pad'?\n"),
    ("shape 3x32x32 convT:4,k3,s2,out_pad1",
     "layers[0]: 'out_pad1' has no = between the key and its value\n  3x32x32 convT:4,k3,s2,out_pad1\n"
     "                        ^~~~~~~~\n  write out_pad=1\n"),
    ("shape 3x32x32 fc10",
     "'fc10' is not a layer, a file or a built-in network\n  3x32x32 fc10\n          ^~~~\n"
     "  put a colon after the op, and commas between its arguments: fc:10\n"),
    ("shape 3x32x32 conv:64,k3,maxpool:2",
     "layers[0]: 'maxpool:2' is a separate layer\n  3x32x32 conv:64,k3,maxpool:2\n"
     "                     ^~~~~~~~~\n  put a space before it, not a comma\n"),
    ("shape 3x32x32 conv:64/2",
     "layers[0]: '64/2' is not a whole number\n  3x32x32 conv:64/2\n               ^~~~\n"
     "  for a stride: conv:64,s2\n"),
    ("shape 3x32x32 dropout:50%",
     "layers[0]: '50%' is not a number\n  3x32x32 dropout:50%\n                  ^~~\n"
     "  a bare number is rate: write dropout:0.5\n"),
    ("shape 3x9x7 permute:1a",
     "layers[0]: '1a' is not a number\n  3x9x7 permute:1a\n                ^~\n"
     "  a bare number is order: write permute:2x3x1\n"),
    ("shape 3x32x32 conv:k=3,out=64",
     "layers[0]: conv needs c_o: conv:64,k=3\n  3x32x32 conv:k=3,out=64\n          ^~~~~~~~~~~~~~~\n"),
    ("shape 3x32x32 conv:64,k3,s=2,2",
     "layers[0]: only the first argument may be a bare number (c_o); give one for all axes: conv:64,k3,s=2\n"
     "  3x32x32 conv:64,k3,s=2,2\n               ^~\n"),
    ("shape 3x32x32 conv:64,k3,p=1,1,1,1",
     "layers[0]: only the first argument may be a bare number (c_o); give one for all axes: conv:64,k3,p=1\n"
     "  3x32x32 conv:64,k3,p=1,1,1,1\n               ^~\n"),
    ("shape 3x32x32 conv:64,k3,p=1,2,3,4",
     "layers[0]: only the first argument may be a bare number (c_o); "
     "give before and after, axis by axis: conv:64,k3,p=1+2x3+4\n"
     "  3x32x32 conv:64,k3,p=1,2,3,4\n               ^~\n"),
    ("shape 3x32x32 conv:64,k3,pads=1,2,3,4",
     "layers[0]: only the first argument may be a bare number (c_o); "
     "give before and after, axis by axis: conv:64,k3,pads=1+3x2+4\n"
     "  3x32x32 conv:64,k3,pads=1,2,3,4\n               ^~\n"),
    ("shape 3x32x32 conv:64,k=3,5,relu",
     "layers[0]: only the first argument may be a bare number (c_o); give one per axis: conv:64,k=3x5,relu\n"
     "  3x32x32 conv:64,k=3,5,relu\n               ^~\n"),
    ("shape 3x32x32 maxpool-2",
     "layers[0]: a kernel in a name has one size per axis: maxpool2x2\n  3x32x32 maxpool-2\n"
     "          ^~~~~~~~~\n  or write maxpool:k2\n"),
    ("shape 3x32x32 conv64",
     "layers[0]: conv64 has its channels in its name\n  3x32x32 conv64\n          ^~~~~~\n"
     "  put it after a colon: conv:64,k3\n"),
    ("shape 3x32x32 maxpool:3,2",
     "layers[0]: only the first argument may be a bare number (k); name this one: maxpool:3,s2\n"
     "  3x32x32 maxpool:3,2\n                    ^\n"),
    ("shape 3x32x32 adaptiveavgpool:1,1",
     "layers[0]: only the first argument may be a bare number (out); give one per axis: adaptiveavgpool:1x1\n"
     "  3x32x32 adaptiveavgpool:1,1\n                            ^\n"),
    ("shape 512 linear:512,10",
     "layers[0]: only the first argument may be a bare number (out); c_i follows from the input; name the others: "
     "linear:10\n  512 linear:512,10\n                 ^~\n"),
    ("shape 3x32x32 'conv:6 k5'",
     "'k5' is an argument, not a layer\n  3x32x32 conv:6 k5\n                 ^~\n  join with commas: conv:6,k5\n"),
    ("shape 3x32x32 conv:6 k5 s2 relu",
     "'k5' is an argument, not a layer\n  3x32x32 conv:6 k5 s2 relu\n                 ^~\n"
     "  join with commas: conv:6,k5,s2\n"),
    ("shape 3x32x32 maxpool k3",
     "'k3' is an argument, not a layer\n  3x32x32 maxpool k3\n                  ^~\n  join with commas: maxpool:k3\n"),
    ("shape 3x32x32 conv:8,k3,dilaton=2",
     "layers[0]: conv has no key 'dilaton'\n  3x32x32 conv:8,k3,dilaton=2\n                    ^~~~~~~~~\n"
     "  did you mean dilation (d)?\n"),
    ("shape 3x32x32 conv3:64",
     "layers[0]: a kernel in a name has one size per axis: conv3x3\n  3x32x32 conv3:64\n          ^~~~~\n"
     "  or write conv:64,k3\n"),
    ("shape 3x32x32 maxpool",
     "layers[0]: maxpool needs k: maxpool:2\n  3x32x32 maxpool\n          ^~~~~~~\n"),
    ("shape 3x32x32 concat:input+conv1",
     "layers[0]: from: 'conv1' is not a layer\n  3x32x32 concat:input+conv1\n"
     "                 ^~~~~~~~~~~\n"),
    ("shape 3x32x32 timm:resnet50",
     "'timm:resnet50' is a network of a package\n  3x32x32 timm:resnet50\n          ^~~~~~~~~~~~~\n"
     "  torchvision's version is built in: resnet50\n"),
    ("shape ?x3x32x32 relu",
     "'?x3x32x32' is not a shape or a layer\n  ?x3x32x32 relu\n  ^~~~~~~~~\n"
     "  an open size of a shape is one letter: Nx3x32x32\n"),
    ("shape batchx3x32x32 relu",
     "'batchx3x32x32' is not a shape or a layer\n  batchx3x32x32 relu\n  ^~~~~~~~~~~~~\n"
     "  an open size of a shape is one letter: Nx3x32x32\n"),
    ("shape 3x32x32 residual",
     "'residual' is not a layer, a file or a built-in network\n  3x32x32 residual\n          ^~~~~~~~\n"
     "  did you mean add:from=a+b?\n"),
    ("shape 3x32x32 relu residual",
     "unknown op 'residual'\n  3x32x32 relu residual\n               ^~~~~~~~\n  did you mean add:from=a+b?\n"),
    ("shape 3x32x32 relu maxunpool:2",
     "'maxunpool' is not a layer of cnncalc\n  3x32x32 relu maxunpool:2\n               ^~~~~~~~~\n"
     "  it needs the indices of a maxpool, but layers pass on only values; the closest is upsample:x2\n"),
    ("shape 3x32x32 transformer",
     "'transformer' is not a layer of cnncalc\n  3x32x32 transformer\n          ^~~~~~~~~~~\n"
     "  write its layers, or a stand-in with known figures: "
     "opaque:type=transformer,out=64x16x16,params=50000 or opaque:type=transformer,same=true\n"),
    ("shape 3x32x32 conv:64,k3,maxpool",
     "layers[0]: maxpool is a separate layer: only activations and norms can follow conv in its word\n"
     "  3x32x32 conv:64,k3,maxpool\n                     ^~~~~~~\n  write it as a separate word: maxpool:3\n"),
    ("shape 3x32x32 conv:64,k3,gn",
     "layers[0]: gn needs g\n  3x32x32 conv:64,k3,gn\n                     ^~\n"
     "  write it as a separate word: groupnorm:8\n"),
    ("shape 3x32x32 relu:name=a add:2",
     "layers[1]: from: '2' is not a layer\n  3x32x32 relu:name=a add:2\n                          ^\n"
     "  for a constant: add:value=2\n"),
    ("shape 3x32x32 conv:64,k3 max:2",
     "layers[1]: from: '2' is not a layer\n  3x32x32 conv:64,k3 max:2\n                         ^\n"
     "  for a pool: maxpool:2, for a constant: max:value=2\n"),
    ("shape 3x32x32 'conv:64,p=[[1,2]'",
     "layers[0]: '[' is not closed\n  3x32x32 conv:64,p=[[1,2]\n                    ^~~~~~\n"
     "  brackets must be closed within a word\n"),
    ("shape 3x32x32 'Conv2d(4, 64, 3)'",
     "layers[0] 'conv1': expects 4 input channels, gets 3\n  3x32x32 Conv2d(4, 64, 3)\n          ^~~~~~~~~~~~~~~~\n"
     "  remove c_i, set it to 3, or fix the layer before\n"),
    ("shape 3x32x32 conv:64,k3,expect=banana",
     "layers[0] 'conv1': expect is 'banana'\n  3x32x32 conv:64,k3,expect=banana\n"
     '                     ^~~~~~~~~~~~~\n  write an object, for example {"out": "64x56x56"}\n'),
    ("shape 3x32x32 relu 'x = nn.Conv2d(3, 8, 3)'",
     "'x' is not a layer\n  3x32x32 relu x = nn.Conv2d(3, 8, 3)\n               ^\n"
     "  write only the call: nn.Conv2d(3, 8, 3)\n"),
    ("shape 3x32x32 'nn.MaxUnpool2d(2)'",
     "'MaxUnpool2d' is not a layer of cnncalc\n  3x32x32 nn.MaxUnpool2d(2)\n          ^~~~~~~~~~~~~~~~~\n"
     "  it needs the indices of a maxpool, but layers pass on only values; the closest is upsample:x2\n"),
    ("shape 3x32x32 'nn.Bilinear(3, 4, 5)'",
     "'Bilinear' is not a layer that can be read from a call\n  3x32x32 nn.Bilinear(3, 4, 5)\n"
     "          ^~~~~~~~~~~~~~~~~~~~\n  did you mean 'Linear' or 'LazyLinear' or 'UpsamplingBilinear2d'?\n"),
    ("shape 3x32x32 'layers.Input(shape=(32, 31, 3))'",
     "layers[0]: Input is the network's input, not a layer\n  3x32x32 layers.Input(shape=(32, 31, 3))\n"
     "          ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n  write its shape as the first word: 32x31x3 --layout NHWC\n"),
    *[(f"shape 3x31x32 conv:8,k1 {word}",
       f"layers[1] '{name}1': {name} works on channels and {axes}, but gets 8x31x32\n"
       f"  3x31x32 conv:8,k1 {word}\n                    {'^' + '~' * (len(word) - 1)}\n")
      for word, name, axes in [
          ("pad1d:1", "pad", "1 axis"), ("crop1d:1+0", "crop", "1 axis"), ("upsample3d:x2", "upsample", "3 axes"),
          ("ZeroPad1d:1", "pad", "1 axis"), ("AdaptiveAvgPool1d(3)", "adaptiveavgpool", "1 axis")]],
    ("shape 3x31 '{\"op\": \"pad1d\", \"p\": [1, 2]}'",
     "SPEC:1:1: layers[0]: p: [1, 2] is two numbers for one axis\n  for before and after write [[1, 2]]\n"),
    ("shape 3x31x32 upsample2d:factor=[2]",
     "layers[0]: factor: 1 number for 2 axes\n  3x31x32 upsample2d:factor=[2]\n          ^~~~~~~~~~~~~~~~~~~~~\n"
     "  one number stands for all axes, or give one per axis\n"),
    ("shape 3x31x32 pad2d:pads=[1,2]",
     "layers[0]: pads: [1, 2] is not ONNX's pads\n  3x31x32 pad2d:pads=[1,2]\n          ^~~~~~~~~~~~~~~~\n"
     "  first the begins of all axes, then their ends\n"),
    ("shape 3x31 conv1d:8,pad1d",
     "layers[0]: pad1d is a separate layer: only activations and norms can follow conv1d in its word\n"
     "  3x31 conv1d:8,pad1d\n                ^~~~~\n  write it as a separate word: pad1d:1\n"),
    ("shape 3x32x32 conv3x5:s2",
     "layers[0]: conv needs c_o: conv3x5:64,s2\n  3x32x32 conv3x5:s2\n          ^~~~~~~~~~\n"),
    # shapes
    ("shape 3*32*32 relu", "'3*32*32' is not a shape\n  3*32*32 relu\n  ^~~~~~~\n  write 3x32x32\n"),
    ("shape 3x32² relu", "'3x32²' is not a shape\n  3x32² relu\n  ^~~~~\n  write 3x32x32\n"),
    ("shape 3:32:32 relu", "'3:32:32' is not a shape\n  3:32:32 relu\n  ^~~~~~~\n  write 3x32x32\n"),
    ("shape '3 x 32 x 32' relu", "the sizes of a shape are one word: 3x32x32\n"),
    ("shape 3 32 32 relu", "the sizes of a shape are one word: 3x32x32\n"),
    ("shape 3x32x32px relu",
     "'3x32x32px' is not a shape\n  3x32x32px relu\n  ^~~~~~~~~\n"
     "  for example 3x224x224, or with a letter for an open size: 3xHxW\n"),
    ("shape '(None,)' relu",
     "unknown op '(None,)'\n  (None,) relu\n  ^~~~~~~\n  for the list of ops: cnncalc ops\n"),
    ("shape relu -i 3*32*32", "'3*32*32' is not a shape\n  write 3x32x32\n"),
    ("shape resnet50 -i 224x224x3",
     "resnet50 takes 3 channels, but 224x224x3 has 224; did you mean --layout NHWC?\n"
     "  to change its channels, write the spec out: cnncalc zoo resnet50 > resnet50.json\n"),
    ("shape 224x224x3 resnet50",
     "resnet50 takes 3 channels, but 224x224x3 has 224; did you mean --layout NHWC?\n"
     "  to change its channels, write the spec out: cnncalc zoo resnet50 > resnet50.json\n"),
    ("shape vgg16 -i 192x192",
     "vgg16 takes 3 channels, but 192x192 has 1; did you mean 3x192x192?\n"
     "  to change its channels, write the spec out: cnncalc zoo vgg16 > vgg16.json\n"),
    ("shape vgg16 -i 1x224x224",
     "vgg16 takes 3 channels, but 1x224x224 has 1; did you mean 3x224x224?\n"
     "  to change its channels, write the spec out: cnncalc zoo vgg16 > vgg16.json\n"),
    ("shape lenet5 -i 5x3x32x32",
     "lenet5 takes 1 channel, but 5x3x32x32 has 3; did you mean 5x1x32x32?\n"
     "  to change its channels, write the spec out: cnncalc zoo lenet5 > lenet5.json\n"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "err"), ERRORS, ids=[line for line, _ in ERRORS])
def test_what_cannot_be_read_is_answered_with_the_right_word(line: str, err: str) -> None:
    ended = here(shlex.split(line))
    assert (ended.code, ended.err) == (2, err)


HINTS = [
    ("shape 3x32x32 conv:64", "note: conv1: k is 1; for a 3x3: conv:64,k3\n"),
    ("shape 3x32x32 Conv2D:32", "note: conv1: k is 1; for a 3x3: Conv2D:32,k3\n"),
    ("shape 3x32x32 conv:64,relu", "note: conv1: k is 1; for a 3x3: conv:64,k3,relu\n"),
    ("shape 3x32x32 dw", "note: dwconv1: k is 1; for a 3x3: dw:k3\n"),
    ("shape 3x32 conv1d:64", "note: conv1d1: k is 1; for 3: conv1d:64,k3\n"),
    ("shape 3x32x32 conv:64,k1", ""),
    ("shape 3x32x32 gap conv:64", ""),
    ("shape 3x32x32 conv:64,k3,relu linear:10", "note: linear1 works on the last axis; put flatten in front?\n"),
    ("shape 3x32x32 gap linear:10", "note: linear1 works on the last axis; put flatten in front?\n"),
    ("shape 3x32x32 gap flatten linear:10", ""),
    ("shape 3x32x32 upsample:2", "note: upsample to 2x2; for twice the size: upsample:x2\n"),
    ("shape 3x32x32 upsample:out=2", "note: upsample to 2x2; for twice the size: upsample:x2\n"),
    ("shape 3x32x32 upsample:2x2", "note: upsample to 2x2; for twice the size: upsample:x2\n"),
    ("shape 3x32x32 upsample:64", ""),
    ("shape 3x32x32 upsample:2x3", ""),
    ("shape 3x32x32 conv:64,k3,padding_mode=circular",
     "note: conv1_pad: padding_mode pads by p, which is 0; for 1 on each side: conv:64,p1,k3,padding_mode=circular\n"),
    ("shape 224x224x3 conv:64,k3",
     "note: 224x224x3 has 224 channels; if they come last: --layout NHWC, or 3x224x224\n"),
    ("shape HxWx3 conv:64,k3", "note: HxWx3 has H channels; if they come last: --layout NHWC, or 3xHxW\n"),
    ("shape CxHx3 conv:64,k3", ""),
    ("shape 3xHxW conv:64,k3", ""),
    ("shape '(None, 32, 32, 3)' conv:64,k3",
     "note: 32x32x3 has 32 channels; if they come last: --layout NHWC, or 3x32x32\n"),
    ("shape 224x224x3 conv:64,k3 --layout NHWC", ""),
    ("shape 512x4x4 conv:64,k3", ""),
    ("shape 3x32x32 'conv:4,k3,expect={\"out\":\"4x32x32\"}'",
     "note: layers[0] 'conv1': out is 4x30x30, expected 4x32x32 (cnncalc check fails)\n"),
    ("shape 3x32x32 'conv:4,k3,expect={\"out\":\"4x30x30\"}'", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "err"), HINTS, ids=[line for line, _ in HINTS])
def test_what_is_perhaps_not_meant_gets_a_note(line: str, err: str) -> None:
    ended = here(shlex.split(line))
    assert (ended.code, ended.err) == (0, err)
    assert ended.out


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("conv(64)", "conv(64, kernel_size=3)"),
        ("conv(filters=64)", "conv(filters=64, kernel_size=3)"),
        ("upsample(2)", "upsample(scale_factor=2)"),
        ("nn.Upsample(2)", "nn.Upsample(scale_factor=2)"),
        ("nn.Upsample(size=2, mode='nearest')", "nn.Upsample(scale_factor=2, mode='nearest')"),
        (
            "nn.Conv2d(3, 8, 3, padding_mode='circular')",
            "nn.Conv2d(3, 8, 3, padding_mode='circular', padding=1)",
        ),
    ],
)
def test_a_note_on_a_call_shows_a_call_that_works(typed: str, shown: str) -> None:
    ended = here(["shape", "3x32x32", typed])
    assert ended.err.endswith(f": {shown}\n")
    again = here(["shape", "3x32x32", shown])
    assert (again.code, again.err) == (0, "")


@pytest.mark.parametrize(
    ("typed", "help"),
    [
        ("3x32x32 conv:8,k3 -> relu", "layers are separated only by white space: leave out '->'"),
        ("3x32x32 conv:8,k3 | relu", "layers are separated only by white space: leave out '|'"),
        ("3x32x32 conv:8,k3 \\\n relu", "layers are separated only by white space: leave out '\\'"),
        ("3x32x32, conv:8,k3 relu", "separate the shape and the layers with white space: 3x32x32 conv:8,k3"),
        ("3,32,32,conv:8,k3,relu", "separate the shape and the layers with white space: 3,32,32 conv:8,k3,relu"),
        ("3x32x32->conv:8,k3 -> relu", "separate the shape and the layers with white space: 3x32x32 conv:8,k3"),
        ("3x32x32; conv:8,k3", "layers are separated only by white space: write 3x32x32"),
        ("3x32x32 conv:8,k3; relu", "layers are separated only by white space: leave out ;"),
        ("3x32x32 conv:8,k3|relu", "separate layers with white space: k3 relu"),
        ("3x32x32 conv:8,k3;relu|maxpool:2", "separate layers with white space: k3 relu maxpool:2"),
        ("3x32x32 conv:8,k3/bn/relu", "separate layers with white space: k3 bn relu"),
        ("3x32x32 'conv: 8, k3'", "quotes are for a shell: write conv: 8, k3"),
        ("input=3x32x32 conv:8", "the input is only a shape: 3x32x32"),
        ("3x32x32 conv(8, k3", "a bracket is not closed"),
        ("3x32x32 'model.add(Conv2D(8, (3, 3)))'", "quotes are for a shell: write model.add(Conv2D(8, (3, 3)))"),
        ("3x32x32 model.add(Conv2D(8, (3, 3)))", "write only the call: Conv2D(8, (3, 3))"),
        ("3x32x32 conv 8 3x5 s2", "join with commas: conv:8,k3x5,s2"),
        ("3x32x32 conv 8 kernel 3x5 stride 2 padding 1", "join with commas: conv:8,kernel3x5,stride2,padding1"),
        ("3x32x32 conv:8,k3 stride 2 relu", "join with commas: conv:8,k3,stride2"),
        ("3x32x32 conv:64@3x3", "for a kernel: conv:64,k3x3"),
        ("3x32x32 conv:3x3x64", "for a kernel: conv:64,k3x3"),
        ("3x32x32 conv:64x3x5", "for a kernel: conv:64,k3x5"),
        ("3x32x32 conv:5x3", "for a kernel: conv:64,k5x3"),
        ("3x32x32 conv:64 3x5", "join with commas: conv:64,k3x5"),
        ("3x32x32 conv: 64 k: 3 stride:2", "join with commas: conv: 64,k3,stride2"),
        ("3x32x32 conv:64,stride:2", "put the value after =: stride=2"),
        ("3x32x32 conv:64,kernel 5,stride 2", "write a key and its number together: conv:64,kernel5,stride2"),
        ("3x32x32 conv: {c_o: 64, k: 3}", "write keys and values without brackets: conv: c_o=64,k=3"),
        ("3x32x32 conv:64;k3;s2", "put commas between arguments: conv:64,k3,s2"),
        # as in papers, with all that is given
        ("3x32x32 conv 5x3 64 /2 relu", "a layer is one word: conv:64,k5x3,s2"),
        ("3x32x32 relu 5x5 conv, 64, /2", "a layer is one word: conv:64,k5,s2"),
        ("3x32x32 1x1 conv", "a layer is one word: conv:64,k1"),
        ("3x32x32 maxpool 3x3, /2", "a layer is one word: maxpool:k3,s2"),
        ("3x32x32 relu conv/2", "a layer is one word: conv:64,s2"),
        ("3x32x32 conv3x5:64/2,relu", "for a stride: conv3x5:64,s2,relu"),
        ("3x32x32 conv:64,k3,/2", "for a stride: conv:64,k3,s2"),
        ("3x32x32 conv:64,k3,s/2,relu", "for a stride: conv:64,k3,s2,relu"),
        ("3x32x32 conv:64,x3,k5", "to repeat the layer: conv:64,times=3,k5"),
        ("3x32x32 conv:64:5,relu", "write one colon after the op, and keys before the other numbers: conv:64,k5,relu"),
        ("3x32x32 relu ReLU(inplace=True", "a bracket is not closed"),
        # numbers
        ("3x32x32 dropout:0,3", "with a decimal point: dropout:0.3"),
        ("3x32x32 batchnorm:eps=0,001,name=a", "with a decimal point: batchnorm:eps=0.001,name=a"),
        ("3x32x32 dropout:30%", "a bare number is rate: write dropout:0.3"),
        ("3x32x32 dropout:.3", "a bare number is rate: write dropout:0.3"),
        ("3x32x32 dropout:1/4", "a bare number is rate: write dropout:0.25"),
        ("3x32x32 dropout:1/3", "a bare number is rate: write dropout:0.5"),
        ("3x32x32 conv:1_000,k3", "a bare number is c_o: write conv:1000,k3"),
        ("3x32x32 conv:48.0,k3", "a bare number is c_o: write conv:48,k3"),
        ("3x32x32 conv:48.5,k3", "a bare number is c_o: write conv:64,k3"),
        ("3x32x32 upsample:3.0", "for a factor: upsample:x3"),
        ("3x32x32 dense:48,relu,0.5", "leave it out"),
        # characters of editors and web pages
        ("3x32x32 “conv:48,k3”", "with plain characters: conv:48,k3"),
        ("3x32x32 Conv2d(3, 48, 3, padding=“same”)", 'with plain characters: Conv2d(3, 48, 3, padding="same")'),
        ("3x32x32 relu conv\u201348\u20135", "put a colon after the op, and commas between its arguments: conv:48,k5"),
        ("3x32x32 conv：48，k3", "with plain characters: conv:48,k3"),  # noqa: RUF001
        ("3\u044532\u044532 relu", "write 3x32x32"),
        ("3x224x224, resnet18", "separate the shape and the layers with white space: 3x224x224 resnet18"),
        ("3by31by32 relu", "write 3x31x32"),
        ("3x32x32 upsample1d:x2x3", "one number stands for all axes, or give one per axis"),
        ("3x32x32 conv:64,name:stem", "put the value after =: name=stem"),
        ("3x32x32 relu x3", "to repeat a layer: times=3 among its arguments"),
        ("3x32x32 3*relu", "to repeat a layer: relu:times=3"),
        ("3x32x32 3*conv:64,k3", "to repeat a layer: conv:64,k3,times=3"),
        ("3x32x32 conv:64,k3,p1*3", "to repeat the layer: p1,times=3"),
        ("3x32x32 relu:name=a relu:name=b a+b", "for a sum: add:a+b"),
        ("3x32x32 relu:name=a relu:name=b add:a,b", "names of layers are joined by +, as add:a+b"),
        ("3x32x32 conv:64k3s2", "put commas between arguments: conv:64,k3s2"),
        ("3x32x32 relu dropout=0.5", "put a colon after the op, and commas between its arguments: dropout:0.5"),
        *[
            (f"3x32x32 {typed}", f"put a colon after the op, and commas between its arguments: {written}")
            for typed, written in [
                ("conv=64", "conv:64"),
                ("conv[64]", "conv:64"),
                ("conv@64,k3", "conv:64,k3"),
                ("conv,64", "conv:64"),
                ("conv3x5-64", "conv3x5:64"),
                ("3x5conv:64", "conv3x5:64"),
                ("3x5-conv-64", "conv3x5:64"),
                ("64conv3x5", "conv3x5:64"),
                ("conv64k3", "conv:64,k3"),
                ("conv2d_64_k3s2", "conv2d:64,k3s2"),
                ("conv_64_3", "conv:64,k3"),
                ("conv-64-3", "conv:64,k3"),
                ("conv[64,3]", "conv:64,k3"),
                ("conv3x5/2", "conv3x5:64,s2"),
                ("conv3x5/2:48", "conv3x5:48,s2"),
                ("maxpool/3", "maxpool:2,s3"),
                ("48c5s2", "conv:48,k5,s2"),
                ("48C5-p2", "conv:48,k5,p2"),
                ("c7s2-48", "conv:48,k7,s2"),
            ]
        ],
    ],
)
def test_marks_that_layer_words_lack_are_answered_with_what_they_have(typed: str, help: str) -> None:
    with pytest.raises(CnncalcError) as caught:
        cnncalc.load(typed)
    assert caught.value.help == help


@pytest.mark.parametrize(
    "typed", ["3x32x32, conv:8,k3", "3x32x32, conv:8,k3, relu", "3x32x32->conv:8,k3->relu", "3,32,32,conv:8,k3,relu"]
)
def test_the_shape_and_layers_that_are_shown_apart_work(typed: str) -> None:
    with pytest.raises(CnncalcError) as caught:
        cnncalc.load(typed)
    assert caught.value.help is not None
    assert cnncalc.shape(caught.value.help.partition(": ")[2]).out == (8, 30, 30)


def _advice(text: str) -> list[str]:
    """Return the layer words that an answer shows."""
    words = [word.strip("?;,") for word in text.replace("; for a 3x3: ", " ").split()]
    return [word for word in words if ":" in word and find_op(word.partition(":")[0]) and not word.endswith(":")]


ANSWERS = [(line, err) for line, err in [*ERRORS, *HINTS] if _advice(err.rpartition("~\n")[2].rpartition("^\n")[2])]


@pytest.mark.parametrize(("line", "err"), ANSWERS, ids=[line for line, _ in ANSWERS])
def test_the_words_that_an_answer_shows_work(line: str, err: str) -> None:
    shape = "64" if "linear:512" in line else "8" if "embedding" in line else "3x32" if "1d" in line else "16x32x32"
    shown = err.rpartition("~\n")[2].rpartition("^\n")[2] if "~\n" in err or "^\n" in err else err
    for word in _advice(shown):
        shape = "3x70x70" if "3,64" in word or "c_i=3" in word or "k64" in word else shape
        before = ["relu:name=a", "relu:name=b"]
        ended = here(["shape", shape, *before, *word.split(), "-q"])
        assert ended.code == 0, (word, ended.err)


@pytest.mark.parametrize("word", INTENTS)
def test_all_advice_for_what_people_say_works(word: str) -> None:
    assert find_op(word) is None, "the op exists by this name"
    for advice in INTENTS[word].advice:
        before = "16x32x32 relu:name=a relu:name=b "
        network = cnncalc.load(before + advice)
        assert cnncalc.shape(network).layers[-1].op
    with pytest.raises(CnncalcError) as caught:
        cnncalc.load(f"3x32x32 relu {word.upper()}")
    assert caught.value.help == INTENTS[word].help


SHAPES = [
    "'(-1, 3, 32, 32)'",
    "'(batch, 3, 32, 32)'",
    "None,3,32,32",
    "'(3, 32, 32)'",
    "'[3,32,32]'",
    "'torch.Size([3, 32, 32])'",
    "'(None, 3, 32, 32)'",
    "3,32,32",
    "'3, 32, 32'",
]


@pytest.mark.parametrize("typed", SHAPES)
def test_shapes_as_other_programs_print_them(typed: str) -> None:
    wanted = here(["shape", "3x32x32", "conv:8,k3"])
    assert here(["shape", *shlex.split(typed), "conv:8,k3"]) == wanted
    assert here(["shape", "conv:8,k3", "-i", *shlex.split(typed)]) == wanted
    assert cnncalc.shape("conv:8,k3", shlex.split(typed)[0]).out == (8, 30, 30)


def test_a_keras_shape_with_its_layout() -> None:
    ended = here(["shape", "(None, 32, 31, 3)", "conv:8,k3", "--layout", "NHWC", "--json"])
    assert json.loads(ended.out)["input"] == [32, 31, 3]


def test_an_input_of_other_channels_than_a_specs_own(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"input": [3, 8, 8], "layers": [{"op": "conv", "c_o": 2, "k": 3}]}')
    other = here(["shape", str(own), "-i", "1x8x8"])
    assert (other.code, other.err) == (
        0,
        ("note: the spec's own input takes 3 channels, but 1x8x8 has 1; did you mean 3x8x8?\n"),
    )
    assert here(["shape", str(own), "-i", "3x9x9"]).err == ""
    fixed = tmp_path / "fixed.json"
    fixed.write_text('[{"op": "conv", "c_i": 3, "c_o": 2, "k": 3}]')
    assert here(["shape", str(fixed), "-i", "1x8x8"]).code == 2
    zoo = tmp_path / "lenet5.json"
    zoo.write_text(here(["zoo", "lenet5"]).out)
    assert here(["shape", str(zoo), "-i", "3x32x32"]).code == 0


def test_a_network_with_weights_knows_its_channels() -> None:
    onnx = str(DATA.parent / "onnx" / "resnet18.onnx")
    ended = here(["shape", onnx, "-i", "224x192x3"])
    assert ended.err.endswith("takes 3 channels, but 224x192x3 has 224; did you mean 3x224x192?\n")
    assert here(["shape", onnx, "-i", "3x224x192"]).code == 0


def test_a_network_with_its_channels_last_shows_a_shape_that_has_them_first_in_its_order(tmp_path: Path) -> None:
    source = tmp_path / "net.py"
    source.write_text(
        "import keras\nfrom keras import layers\n"
        "model = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(5, 3)])\n"
    )
    model = str(tmp_path / "net.json")
    assert here(["convert", str(source), "--to", "keras", "-o", model]).code == 0
    for given, fitting in {"1x29x27": "29x27x1", "4x1x29x27": "4x29x27x1", "29x27x3": "29x27x1"}.items():
        ended = here(["shape", model, "-i", given])
        assert f"; did you mean {fitting}?\n" in ended.err
        assert here(["shape", model, "-i", fitting]).code == 0


def test_several_dialects_read_the_input_once() -> None:
    first_keras = here(["shape", "32x32x3", "conv:8,k3", "--dialect", "keras,onnx"])
    assert "keras and onnx agree on the one layer: output 30x30x8, 224 parameters" in first_keras.out
    first_onnx = here(["shape", "3x32x32", "conv:8,k3", "--dialect", "onnx,keras"])
    assert "onnx and keras agree on the one layer: output 8x30x30, 224 parameters" in first_onnx.out


def test_the_recorded_words_file() -> None:
    for args, stdin in ((["shape", str(DATA / "words.txt"), "--json"], ""), (["shape", "-", "--json"], "words.txt")):
        ended = here(args, stdin=(DATA / stdin).read_text() if stdin else "")
        report = json.loads(ended.out)["report"]
        figures = {key: report[key] for key in ("out", "params", "buffers", "macs")}
        assert figures == {"out": [10], "params": 77066, "buffers": 128, "macs": 20645120}


def test_words_in_a_file_have_their_place(tmp_path: Path) -> None:
    (tmp_path / "net.txt").write_text("3x8x8\n  conv:4,k3\n  covn:8\n")
    assert here(["shape", "net.txt"], cwd=tmp_path).err == (
        "net.txt:3:3: unknown op 'covn'\n  did you mean 'conv' or 'convT' or 'dwconv'?\n"
    )
    (tmp_path / "net.txt").write_text("3x8x8\n  conv:4,k3 # first\n  conv:8,\n   # second\n  k9\n")
    assert here(["shape", "net.txt"], cwd=tmp_path).err.startswith("net.txt:5:3: layers[1] 'conv2': does not fit")
    (tmp_path / "net.txt").write_text("vgg16 # by name\n")
    assert "138,357,544 parameters" in here(["shape", "net.txt"], cwd=tmp_path).out
    (tmp_path / "net.txt").write_text("Conv2d(3, 8, 3)\nReLU()\n")
    assert "8x6x6" in here(["shape", "net.txt", "-i", "3x8x8"], cwd=tmp_path).out
    for command in (["check", "net.txt"], ["convert", "net.txt", "--to", "keras", "-i", "3x8x8"]):
        assert here(command, cwd=tmp_path).code in (0, 2)


def test_a_line_of_jsonl_is_json_a_name_or_words() -> None:
    lines = 'vgg16\n3x32x32 conv:8,k3\n{"input": [3, 8, 8], "layers": [{"op": "relu"}]}\nvgg17\n[3, 8, 8] relu\n'
    ended = here(["shape", "--jsonl", "-"], stdin=lines)
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert [one.get("report", {}).get("params") for one in found] == [138357544, 224, 0, None, 0]
    assert found[3]["error"]["line"] == 4
    assert ended.code == 2


def test_words_are_checked_as_files_are(tmp_path: Path) -> None:
    (tmp_path / "net.txt").write_text('3x8x8 conv:4,k3,expect={"out":"4x6x6"}\n')
    assert here(["check", "net.txt"], cwd=tmp_path).code == 0
    assert here(["check", "-", "--expect", "out=4x6x6"], stdin="3x8x8 conv:4,k3").code == 0


@pytest.mark.parametrize("command", ["shape", "convert", "run", "dense"])
def test_an_expectation_that_cannot_be_read_is_an_error_in_every_command(command: str, tmp_path: Path) -> None:
    spec = tmp_path / "net.json"
    spec.write_text('{"input": [3, 8, 8], "layers": [{"op": "conv", "c_o": 2, "k": 3, "expect": 5}]}')
    array = tmp_path / "x.npy"
    np.save(array, np.zeros((3, 8, 8)))
    for words in ([str(spec)], ["3x8x8", "conv:2,k3,expect=banana"]):
        ended = here([command, *words, *(["-x", str(array)] if command == "run" else [])])
        assert ended.code == 2
        assert "expect is " in ended.err


def test_plain_words_need_no_parser_of_python() -> None:
    code = (
        "import sys; from cnncalc import cli; cli.call(['shape', '3x32x32', 'conv:8,k3', 'relu', '--json']); "
        "sys.exit(len({'cnncalc.notation.calls', 'cnncalc.layers.intents', 'cnncalc.layers.names'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == 0


def test_quoted_words_on_a_real_command_line() -> None:
    ended: Ended = process("shape", "3x8x8 conv:4,k3  # what follows is a comment: relu")
    assert (ended.code, ended.err) == (0, "")
    assert "4x6x6" in ended.out


JSON = '[{"op": "conv", "c_o": 4, "k": 3}]'
AS_A_WORD = [
    (["shape", "3x8x9", JSON], "4x6x7"),
    (["shape", f'{{"input": [3, 8, 9],\n "layers": {JSON}}}'], "4x6x7"),
    (["shape", "-i", "3x8x9", JSON], "4x6x7"),
    (["diff", "-i", "3x8x9", JSON, "conv:4,k5"], "4x6x7"),
    (["compare", "-i", "3x8x9", JSON, "conv:4,k5"], "4x6x7"),
    (["[3,x] conv:3"], "unknown op '[3,x]'"),
    (["3x8x9", "[{op: conv}]"], "SPEC:1:3: not JSON: "),
]


@pytest.mark.parametrize(("words", "shown"), AS_A_WORD, ids=range(len(AS_A_WORD)))
def test_json_as_a_word(words: list[str], shown: str) -> None:
    ended = here(words)
    assert shown in ended.out + ended.err
