using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Slipway.Kernels.Interop;
using Slipway.Kernels.Threading;
using static Slipway.Packaging.Kernels.FusedMatMulContract;

namespace Slipway.Kernels.MatMul;

/// <summary>
/// Multiplies rows by weights of 4 or 8 bits, with what stands around the product in a decoder's layers.
/// </summary>
/// <remarks>
/// <code>
/// FusedMatMulNBits: y = q(norm(x)) · Wᵀ + bias + addend
/// GatedMatMulNBits: y = silu(q(norm(x)) · gateᵀ) * (q(norm(x)) · Wᵀ)
/// norm(x) = x / sqrt(mean(x²) + epsilon) * weights, q quantizes to 8 bits in the weights' blocks
/// </code>
/// Weights, scales and zero points are those of ONNX Runtime's MatMulNBits; minima stand for weights value * scale +
/// minimum. They are constants of the graph.
/// </remarks>
internal sealed unsafe class MatMulKernel : INodeKernel
{
    // Tasks smaller than that cost more to hand out than they take.
    private const int MinTaskBytes = 32 << 10;

    // From so many rows on they are quantized on all threads.
    private const int ManyRows = 16;
    private const int MaxTileRows = 8;

    private readonly KernelThreads _threads;
    private readonly PackedMatrix _weights;
    private readonly PackedMatrix? _gate;
    private readonly float[]? _norm;
    private readonly float _epsilon;
    private readonly GCHandle _self;

    private MatMulKernel(KernelInfo info, int? gate, int norm)
    {
        Node = info.Node;
        _threads = info.Domain.Threads;
        _epsilon = info.Number(EpsilonAttribute);
        if (_epsilon < 0)
        {
            throw Node.Invalid($"attribute '{EpsilonAttribute}' is negative; 0 or more was expected");
        }

        var weights = MatrixSource.Read(info, Weights);
        var gates = gate is { } first ? MatrixSource.Read(info, first) : null;
        if (info.OptionalConstant(norm, OperandType.Float, [weights.Inputs]) is { IsAbsent: false } constant)
        {
            _norm = new ReadOnlySpan<float>(constant.Data<float>(), weights.Inputs).ToArray();
        }

        _weights = weights.Pack(info);
        _gate = gates?.Pack(info);
        _self = GCHandle.Alloc(this);
    }

    public static CustomOperator Operator { get; } = new(
        FusedMatMulOperator,
        info => new MatMulKernel(info, null, Norm),
        [OperandType.Float, .. MatrixTypes, OperandType.Float, OperandType.Float, OperandType.Float],
        RequiredInputs: 3,
        [OperandType.Float]);

    public static CustomOperator GatedOperator { get; } = new(
        GatedMatMulOperator,
        info => new MatMulKernel(info, Gate, GatedNorm),
        [OperandType.Float, .. MatrixTypes, .. MatrixTypes, OperandType.Float],
        RequiredInputs: 3,
        [OperandType.Float]);

    public KernelNode Node { get; }

    // Scales and offsets have one of two types, which the matrix checks.
    private static OperandType[] MatrixTypes => [OperandType.UInt8, OperandType.Any, OperandType.Any];

    public void Compute(KernelContext context)
    {
        var x = context.Input(X);
        Node.RequireType(x, X, OperandType.Float);
        if (x.Shape is not [.., var width] || width != _weights.Inputs)
        {
            throw Node.Invalid(
                $"input {X}, '{Node.InputName(X)}', has the shape {KernelNode.Text(x.Shape)}; its last dimension must "
                + $"be '{InputsAttribute}', {_weights.Inputs}");
        }

        Span<long> shape = stackalloc long[x.Shape.Length];
        x.Shape.CopyTo(shape);
        shape[^1] = _weights.Outputs;
        var bias = Operand(context, Bias, [_weights.Outputs]);
        var addend = Operand(context, Addend, shape);
        var y = context.Output<float>(0, shape);
        var rows = Rows(x.Shape);
        if (rows == 0)
        {
            return;
        }

        var memory = ArrayPool<byte>.Shared.Rent(
            (int)QuantizedActivations.BytesFor(rows, _weights.Inputs, _weights.BlockSize));
        try
        {
            fixed (byte* start = memory)
            {
                var work = new Work
                {
                    Kernel = GCHandle.ToIntPtr(_self),
                    X = x.Data<float>(),
                    Activations = QuantizedActivations.At(start, rows, _weights.Inputs, _weights.BlockSize),
                    Bias = bias,
                    Addend = addend,
                    Y = y,
                    Rows = rows,
                    Groups = (int)Math.Max(1, MinTaskBytes / _weights.GroupBytes),
                };
                Run(&work);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(memory);
        }
    }

    public void Dispose()
    {
        _weights.Dispose();
        _gate?.Dispose();
        _self.Free();
    }

    // Only the product without a gate has these inputs.
    private float* Operand(KernelContext context, int input, ReadOnlySpan<long> shape)
    {
        if (_gate is not null || context.Input(input) is not { IsAbsent: false } operand)
        {
            return null;
        }

        Node.Require(operand, input, OperandType.Float, shape);
        return operand.Data<float>();
    }

    private int Rows(ReadOnlySpan<long> shape)
    {
        var rows = 1L;
        foreach (var size in shape[..^1])
        {
            rows = checked(rows * size);
        }

        return rows <= int.MaxValue
            && QuantizedActivations.BytesFor(rows, _weights.Inputs, _weights.BlockSize) <= Array.MaxLength
                ? (int)rows
                : throw Node.Invalid($"input {X}, '{Node.InputName(X)}', has {rows} rows, which are too many at once");
    }

    private void Run(Work* work)
    {
        if (work->Rows < ManyRows)
        {
            Quantize(work, 0, work->Rows);
        }
        else
        {
            _threads.For((work->Rows + ManyRows - 1) / ManyRows, &QuantizePart, work);
        }

        _threads.For((_weights.Groups + work->Groups - 1) / work->Groups, &MultiplyPart, work);
    }

    private static void QuantizePart(void* state, int part)
    {
        var work = (Work*)state;
        var first = part * ManyRows;
        work->Target.Quantize(work, first, Math.Min(first + ManyRows, work->Rows));
    }

    private static void MultiplyPart(void* state, int part)
    {
        var work = (Work*)state;
        var first = part * work->Groups;
        work->Target.Multiply(work, first, Math.Min(work->Groups, work->Target._weights.Groups - first));
    }

    private void Quantize(Work* work, int row, int end)
    {
        for (; row < end; row++)
        {
            var x = work->X + ((long)row * _weights.Inputs);
            if (_norm is null)
            {
                work->Activations.Quantize(row, x);
            }
            else
            {
                work->Activations.Quantize(row, x, _norm, _epsilon);
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(Work* work, int group, int groups)
    {
        var stride = groups * PackedMatrix.Group;
        var tile = stackalloc float[MaxTileRows * stride];
        var gates = stackalloc float[_gate is null ? 0 : MaxTileRows * stride];
        for (var row = 0; row < work->Rows;)
        {
            var count = Multiply(_weights, group, groups, work, row, work->Rows - row, tile, stride);
            if (_gate is not null)
            {
                // Instructions for values of other bits may take fewer rows at a time.
                for (var done = 0; done < count;)
                {
                    done += Multiply(
                        _gate, group, groups, work, row + done, count - done, gates + (done * stride), stride);
                }

                ApplyGate(tile, gates, count * stride);
            }

            Store(work, group, groups, row, tile, count);
            row += count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Multiply(
        PackedMatrix matrix, int group, int groups, Work* work, int row, int left, float* tile, int stride)
        => matrix.Layout.Product(matrix.Part(group, groups), work->Activations, row, left, tile, stride);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ApplyGate(float* tile, float* gates, int count)
    {
        for (var i = 0; i < count; i += PackedMatrix.Group)
        {
            var gate = Vector512.Load(gates + i);
            (Vector512.Load(tile + i) * gate / (Vector512<float>.One + Exponential.Of(-gate))).Store(tile + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Store(Work* work, int group, int groups, int row, float* tile, int rows)
    {
        var first = group * PackedMatrix.Group;
        var width = Math.Min(groups * PackedMatrix.Group, _weights.Outputs - first);
        for (var i = 0; i < rows; i++, tile += groups * PackedMatrix.Group)
        {
            var at = ((long)(row + i) * _weights.Outputs) + first;
            var y = new Span<float>(work->Y + at, width);
            var product = new Span<float>(tile, width);
            if (work->Bias is not null)
            {
                TensorPrimitives.Add(product, new ReadOnlySpan<float>(work->Bias + first, width), product);
            }

            if (work->Addend is null)
            {
                product.CopyTo(y);
            }
            else
            {
                TensorPrimitives.Add(new ReadOnlySpan<float>(work->Addend + at, width), product, y);
            }
        }
    }

    private struct Work
    {
        public nint Kernel;
        public float* X;
        public QuantizedActivations Activations;
        public float* Bias;
        public float* Addend;
        public float* Y;
        public int Rows;
        public int Groups;

        public readonly MatMulKernel Target => (MatMulKernel)GCHandle.FromIntPtr(Kernel).Target!;
    }
}
