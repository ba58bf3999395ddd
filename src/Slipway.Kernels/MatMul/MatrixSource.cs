using Slipway.Kernels.Interop;
using static Slipway.Packaging.Kernels.FusedMatMulContract;

namespace Slipway.Kernels.MatMul;

/// <summary>Finds a matrix among a node's constants, each compared with the sizes that the node states.</summary>
internal sealed unsafe class MatrixSource
{
    private readonly RuntimeApi.Tensor _values;
    private readonly RuntimeApi.Tensor _scales;
    private readonly RuntimeApi.Tensor _zeroPoints;
    private readonly int _outputs;
    private readonly int _blockSize;

    private MatrixSource(KernelInfo info, int input)
    {
        var (outputs, inputs) = (info.Integer(OutputsAttribute), info.Integer(InputsAttribute));
        var blockSize = info.Integer(BlockSizeAttribute);
        if (!Supports(outputs, inputs, blockSize))
        {
            throw info.Node.Invalid(
                $"attributes '{OutputsAttribute}', '{InputsAttribute}' and '{BlockSizeAttribute}' are {outputs}, "
                + $"{inputs} and {blockSize}; sizes from 1 to {MaxSize} were expected, and blocks of a multiple of "
                + $"{BlockMultiple} up to {MaxBlockSize} that divide '{InputsAttribute}'");
        }

        var blocks = inputs / blockSize;
        _values = info.Constant(input, OperandType.UInt8, [outputs, blocks, blockSize / 2]);
        _scales = info.Constant(input + 1, OperandType.Float, [outputs, blocks]);
        _zeroPoints = info.OptionalConstant(input + 2, OperandType.UInt8, [outputs, (blocks + 1) / 2]);
        (_outputs, Inputs, _blockSize) = ((int)outputs, (int)inputs, (int)blockSize);
    }

    /// <summary>K.</summary>
    public int Inputs { get; }

    /// <summary>Reads the matrix of which an input is the first constant.</summary>
    /// <exception cref="InvalidDataException">A constant is missing, or does not fit the attributes.</exception>
    public static MatrixSource Read(KernelInfo info, int input) => new(info, input);

    /// <summary>Puts the matrix in the kernels' order.</summary>
    public PackedMatrix Pack(KernelInfo info)
    {
        var packed = new PackedMatrix(
            _outputs, Inputs, _blockSize, _values.Data<byte>(), _scales.Data<float>(), _zeroPoints.Data<byte>());
        var blocks = (long)_outputs * packed.Blocks;
        info.NotePacked(_values, (long)_outputs * Inputs / 2);
        info.NotePacked(_scales, sizeof(float) * blocks);
        info.NotePacked(_zeroPoints, (long)_outputs * ((packed.Blocks + 1) / 2));
        return packed;
    }
}
