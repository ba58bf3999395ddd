using System.Buffers;
using System.Runtime.InteropServices;

namespace Slipway.Kernels;

/// <summary>MatMulNBits for 4-bit codes: x · weightᵀ, rows of x rounded to 8 bits in blocks.</summary>
/// <remarks>Inputs and attributes are those of ONNX Runtime's operator; weights must be constants of the graph.</remarks>
internal sealed unsafe class MatMulKernel : INodeKernel
{
    public static readonly CustomOperator Operator = new(
        "MatMulNBits",
        info => new MatMulKernel(info),
        [OperandType.Float, OperandType.UInt8, OperandType.Float, OperandType.UInt8],
        RequiredInputs: 3,
        [OperandType.Float]);

    // Tasks smaller than that cost more to hand out than they take.
    private const int LeastTaskBytes = 32 << 10;
    private const int LargestTile = 8;

    private readonly PackedMatrix weights;

    private MatMulKernel(KernelInfo info)
    {
        var (codes, scales, zeroPoints) = (info.Constant(1), info.Constant(2), info.Constant(3));
        weights = new PackedMatrix(
            info.Integer("N"), info.Integer("K"), info.Integer("block_size"), codes.Data<byte>(), scales.Data<float>(),
            zeroPoints.Data<byte>());
    }

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
            var handle = GCHandle.Alloc(this);
            var work = new Work
            {
                Kernel = GCHandle.ToIntPtr(handle),
                X = x.Data<float>(),
                Rounded = RoundedRows.At(start, rows, weights.Inputs, weights.BlockSize),
                Y = y,
                Rows = rows,
                Groups = Math.Max(1, LeastTaskBytes / (weights.Inputs * PackedMatrix.Group / 2)),
            };
            for (var row = 0; row < rows; row++)
            {
                work.Rounded.Round(row, work.X + ((long)row * weights.Inputs));
            }

            context.For((weights.Groups + work.Groups - 1) / work.Groups, &Run, &work);
            handle.Free();
        }

        ArrayPool<byte>.Shared.Return(memory);
    }

    public void Dispose() => weights.Dispose();

    [UnmanagedCallersOnly]
    private static void Run(void* state, nuint part)
    {
        var work = (Work*)state;
        var kernel = (MatMulKernel)GCHandle.FromIntPtr(work->Kernel).Target!;
        var first = (int)part * work->Groups;
        kernel.Compute(work, first, Math.Min(first + work->Groups, kernel.weights.Groups));
    }

    private void Compute(Work* work, int group, int end)
    {
        var tile = stackalloc float[LargestTile * PackedMatrix.Group];
        for (; group < end; group++)
        {
            var first = group * PackedMatrix.Group;
            var width = Math.Min(PackedMatrix.Group, weights.Outputs - first);
            for (var row = 0; row < work->Rows;)
            {
                var left = work->Rows - row;
                var count = Int4Avx512.IsSupported
                    ? Int4Avx512.Compute(weights, group, work->Rounded, row, left, tile)
                    : Int4Avx2.Compute(weights, group, work->Rounded, row, left, tile);
                for (var i = 0; i < count; i++, row++)
                {
                    new ReadOnlySpan<float>(tile + (i * PackedMatrix.Group), width)
                        .CopyTo(new Span<float>(work->Y + ((long)row * weights.Outputs) + first, width));
                }
            }
        }
    }

    private struct Work
    {
        public nint Kernel;
        public float* X;
        public RoundedRows Rounded;
        public float* Y;
        public int Rows;
        public int Groups;
    }
}
