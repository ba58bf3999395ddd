using Slipway.Kernels.Interop;
using static Slipway.Packaging.Kernels.FusedMatMulContract;

namespace Slipway.Kernels.MatMul;

/// <summary>Finds a matrix among a node's constants, each compared with the sizes that the node states.</summary>
internal sealed unsafe class MatrixSource
{
    private readonly RuntimeApi.Tensor _values;
    private readonly RuntimeApi.Tensor _scales;
    private readonly RuntimeApi.Tensor _offsets;
    private readonly MatrixLayout _layout;
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
        var bits = info.ConstantShape(input) is [_, _, var bytes] && bytes == CodeBytes(blockSize, 8) ? 8 : 4;
        _values = info.Constant(input, OperandType.UInt8, [outputs, blocks, CodeBytes(blockSize, bits)]);
        var isHalf = info.ConstantType(input + 1) == OperandType.Float16;
        var numbers = isHalf ? OperandType.Float16 : OperandType.Float;
        _scales = info.Constant(input + 1, numbers, [outputs, blocks]);
        var hasMinima = info.ConstantType(input + 2) is OperandType.Float or OperandType.Float16;
        _offsets = hasMinima
            ? info.Constant(input + 2, numbers, [outputs, blocks])
            : info.OptionalConstant(
                input + 2, OperandType.UInt8, [outputs, ZeroPointBytes(blocks, bits)]);
        _layout = MatrixLayout.Find(bits, isHalf, hasMinima);
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
            _outputs, Inputs, _blockSize, _values.Data<byte>(), _layout, _scales.Data<byte>(), _offsets.Data<byte>());
        var numberBytes = (long)_outputs * packed.Blocks * _layout.NumberBytes;
        info.NotePacked(_values, (long)_outputs * Inputs * _layout.Bits / 8);
        info.NotePacked(_scales, numberBytes);
        info.NotePacked(
            _offsets,
            _layout.HasMinima ? numberBytes : _outputs * ZeroPointBytes(packed.Blocks, _layout.Bits));
        return packed;
    }
}
