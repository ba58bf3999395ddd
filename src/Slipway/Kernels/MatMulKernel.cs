using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Slipway.Kernels;

/// <summary>x · weightᵀ for weights of 4-bit codes, with what stands around it in a decoder's layers.</summary>
/// <remarks>
/// x may first be divided by its root mean square and multiplied by a norm's weights; rows are then rounded to 8 bits in the
/// weights' blocks. What comes out may be added to something, or be a gate: silu(x · gateᵀ) * (x · weightᵀ).
/// Weights and scales are those of ONNX Runtime's MatMulNBits, and constants of the graph.
/// </remarks>
internal sealed unsafe class MatMulKernel : INodeKernel
{
    /// <summary>
    /// Inputs x, codes, scales, zero points, norm, bias [N], and what to add [.., N]; attributes N, K, block_size, epsilon.
    /// </summary>
    public static CustomOperator Operator(KernelThreads threads) => new(
        "MatMulNBits",
        info => new MatMulKernel(threads, info, Matrix(info, 1), null, norm: 4),
        [OperandType.Float, .. MatrixTypes, OperandType.Float, OperandType.Float, OperandType.Float],
        RequiredInputs: 3,
        [OperandType.Float]);

    /// <summary>Inputs x, codes, scales and zero points of the weights and of the gate, and norm; attributes as above.</summary>
    public static CustomOperator GatedOperator(KernelThreads threads) => new(
        "GatedMatMulNBits",
        info => new MatMulKernel(threads, info, Matrix(info, 1), Matrix(info, 4), norm: 7),
        [OperandType.Float, .. MatrixTypes, .. MatrixTypes, OperandType.Float],
        RequiredInputs: 1,
        [OperandType.Float]);

    // Tasks smaller than that cost more to hand out than they take.
    private const int LeastTaskBytes = 32 << 10;

    // From so many rows on they are rounded on all threads.
    private const int ManyRows = 16;
    private const int BiasInput = 5;
    private const int LargestRows = 8;

    private readonly KernelThreads threads;
    private readonly PackedMatrix weights;
    private readonly PackedMatrix? gate;
    private readonly float[]? norm;
    private readonly float epsilon;
    private readonly GCHandle self;

    private MatMulKernel(KernelThreads threads, KernelInfo info, PackedMatrix weights, PackedMatrix? gate, int norm)
    {
        this.threads = threads;
        this.weights = weights;
        this.gate = gate;
        epsilon = info.Number("epsilon");
        self = GCHandle.Alloc(this);
        if (info.Constant(norm) is { IsAbsent: false } constant)
        {
            this.norm = new ReadOnlySpan<float>(constant.Data<float>(), weights.Inputs).ToArray();
        }
    }

    private static OperandType[] MatrixTypes => [OperandType.UInt8, OperandType.Float, OperandType.UInt8];

    public void Compute(KernelContext context)
    {
        var x = context.Input(0);
        Span<long> shape = stackalloc long[x.Shape.Length];
        x.Shape.CopyTo(shape);
        shape[^1] = weights.Outputs;
        var rows = 1;
        foreach (var size in shape[..^1])
        {
            rows = checked(rows * (int)size);
        }

        var y = context.Output<float>(0, shape);
        if (rows == 0)
        {
            return;
        }

        var memory = ArrayPool<byte>.Shared.Rent(RoundedRows.BytesFor(rows, weights.Inputs, weights.BlockSize));
        fixed (byte* start = memory)
        {
            var work = new Work
            {
                Kernel = GCHandle.ToIntPtr(self),
                X = x.Data<float>(),
                Rounded = RoundedRows.At(start, rows, weights.Inputs, weights.BlockSize),
                Bias = gate is null ? context.Input(BiasInput).Data<float>() : null,
                Added = gate is null ? context.Input(BiasInput + 1).Data<float>() : null,
                Y = y,
                Rows = rows,
                Groups = Math.Max(1, LeastTaskBytes / (weights.Inputs * PackedMatrix.Group / 2)),
            };
            if (rows < ManyRows)
            {
                Round(&work, 0, rows);
            }
            else
            {
                threads.For((rows + ManyRows - 1) / ManyRows, &RoundPart, &work);
            }

            threads.For((weights.Groups + work.Groups - 1) / work.Groups, &MultiplyPart, &work);
        }

        ArrayPool<byte>.Shared.Return(memory);
    }

    public void Dispose()
    {
        weights.Dispose();
        gate?.Dispose();
        self.Free();
    }

    private static PackedMatrix Matrix(KernelInfo info, int input)
        => new(
            info.Integer("N"), info.Integer("K"), info.Integer("block_size"), info.Constant(input).Data<byte>(),
            info.Constant(input + 1).Data<float>(), info.Constant(input + 2).Data<byte>());

    private static void RoundPart(void* state, int part)
    {
        var work = (Work*)state;
        var first = part * ManyRows;
        work->Target.Round(work, first, Math.Min(first + ManyRows, work->Rows));
    }

    private static void MultiplyPart(void* state, int part)
    {
        var work = (Work*)state;
        var first = part * work->Groups;
        work->Target.Multiply(work, first, Math.Min(work->Groups, work->Target.weights.Groups - first));
    }

    private void Round(Work* work, int row, int end)
    {
        for (; row < end; row++)
        {
            var x = work->X + ((long)row * weights.Inputs);
            if (norm is null)
            {
                work->Rounded.Round(row, x);
            }
            else
            {
                work->Rounded.Round(row, x, norm, epsilon);
            }
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(Work* work, int group, int groups)
    {
        var stride = groups * PackedMatrix.Group;
        var tile = stackalloc float[LargestRows * stride];
        var gates = stackalloc float[gate is null ? 0 : LargestRows * stride];
        for (var row = 0; row < work->Rows;)
        {
            var count = Multiply(weights.Part(group, groups), work, row, tile, stride);
            if (gate is not null)
            {
                _ = Multiply(gate.Part(group, groups), work, row, gates, stride);
                Gate(tile, gates, count * stride);
            }

            Store(work, group, groups, row, tile, count);
            row += count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Multiply(in PackedPart part, Work* work, int row, float* tile, int stride)
        => Int4Avx512.IsSupported
            ? Int4Avx512.Compute(part, work->Rounded, row, work->Rows - row, tile, stride)
            : Int4Avx2.Compute(part, work->Rounded, row, work->Rows - row, tile, stride);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gate(float* tile, float* gates, int count)
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
        var width = Math.Min(groups * PackedMatrix.Group, weights.Outputs - first);
        for (var i = 0; i < rows; i++, tile += groups * PackedMatrix.Group)
        {
            var at = ((long)(row + i) * weights.Outputs) + first;
            var y = new Span<float>(work->Y + at, width);
            var made = new Span<float>(tile, width);
            if (work->Bias is not null)
            {
                TensorPrimitives.Add(made, new ReadOnlySpan<float>(work->Bias + first, width), made);
            }

            if (work->Added is null)
            {
                made.CopyTo(y);
            }
            else
            {
                TensorPrimitives.Add(new ReadOnlySpan<float>(work->Added + at, width), made, y);
            }
        }
    }

    private struct Work
    {
        public nint Kernel;
        public float* X;
        public RoundedRows Rounded;
        public float* Bias;
        public float* Added;
        public float* Y;
        public int Rows;
        public int Groups;

        public readonly MatMulKernel Target => (MatMulKernel)GCHandle.FromIntPtr(Kernel).Target!;
    }
}
