using System.Buffers;
using System.Runtime.CompilerServices;

namespace Slipway.Kernels;

/// <summary>GroupQueryAttention: causal attention over a cache of keys and values that past and present share.</summary>
/// <remarks>
/// What it takes and gives is what ONNX Runtime's operator does: sequences of one new token each and of unequal lengths, or of
/// several. Past and present must be one buffer with room for the new tokens. Beyond that, a sequence whose last position
/// is −1 is left alone.
/// </remarks>
internal sealed unsafe class AttentionKernel : INodeKernel
{
    private const int QueryInput = 0, KeyCacheInput = 1, ValueCacheInput = 2, LastInput = 3, KeyInput = 4, ValueInput = 5;
    private const int CosineInput = 6, SineInput = 7, SinkInput = 8, KeyScaleInput = 9, ValueScaleInput = 10;

    // Fewer tasks than that would leave threads without one; segments then are tasks too.
    private const int FewTasks = 12;
    private const int Line = 64;

    private readonly KernelThreads threads;
    private readonly AttentionShape shape;
    private readonly bool isCoded;

    private AttentionKernel(KernelThreads threads, KernelInfo info, bool isCoded)
    {
        this.threads = threads;
        this.isCoded = isCoded;
        shape = new AttentionShape(
            info.Integer("num_heads"), info.Integer("kv_num_heads"), info.Number("scale"), info.Number("softcap"),
            info.Integer("local_window_size"), info.Integer("do_rotary") != 0);
    }

    /// <summary>
    /// Inputs query (or all three side by side), past key, past value, last positions, key, value, cosines, sines, sinks, and
    /// scales of keys and values; attributes num_heads, kv_num_heads, scale, softcap, local_window_size, do_rotary.
    /// </summary>
    public static CustomOperator Operator(KernelThreads threads)
        => Describe("GroupQueryAttention", threads, OperandType.Float);

    /// <summary>The same with int8 codes for keys and values.</summary>
    public static CustomOperator CodedOperator(KernelThreads threads)
        => Describe("GroupQueryAttentionInt8", threads, OperandType.Int8);

    public void Compute(KernelContext context)
    {
        var (query, past) = (context.Input(QueryInput), context.Input(KeyCacheInput));
        var (batch, tokens) = ((int)query.Shape[0], (int)query.Shape[1]);
        var (capacity, size) = ((int)past.Shape[2], (int)past.Shape[3]);
        var width = shape.Heads * size;
        var y = context.Output<float>(0, [batch, tokens, width]);
        var call = new AttentionCall
        {
            Shape = shape,
            Batch = batch,
            Tokens = tokens,
            HeadSize = size,
            Capacity = capacity,
            IsCoded = isCoded,
            Queries = query.Data<float>(),
            QueryStride = (int)query.Shape[2],
            KeyCache = context.Output<byte>(1, past.Shape),
            ValueCache = context.Output<byte>(2, past.Shape),
            LastPositions = context.Input(LastInput).Data<int>(),
            KeyScales = context.Input(KeyScaleInput).Data<float>(),
            ValueScales = context.Input(ValueScaleInput).Data<float>(),
            Sinks = context.Input(SinkInput).Data<float>(),
            Output = y,
            BlockTokens = AttentionRows.BlockTokens(shape.Group),
        };
        if (batch * tokens == 0)
        {
            return;
        }

        if (context.Input(KeyInput) is { IsAbsent: false } key)
        {
            call.Keys = key.Data<float>();
            call.Values = context.Input(ValueInput).Data<float>();
            call.KeyStride = (int)key.Shape[2];
        }
        else
        {
            call.KeyStride = call.QueryStride;
            call.Keys = call.Queries + width;
            call.Values = call.Keys + (shape.KeyHeads * size);
        }

        if (shape.Rotates)
        {
            var cosines = context.Input(CosineInput);
            call.RotaryHalf = (int)cosines.Shape[1];
            call.Cosines = cosines.Data<float>();
            call.Sines = context.Input(SineInput).Data<float>();
        }

        Check(call, past.Data<byte>() == call.KeyCache, context.Input(CosineInput));
        Run(ref call);
    }

    public void Dispose()
    {
    }

    private static CustomOperator Describe(string name, KernelThreads threads, OperandType cache) => new(
        name,
        info => new AttentionKernel(threads, info, cache == OperandType.Int8),
        [
            OperandType.Float, cache, cache, OperandType.Int32, .. Enumerable.Repeat(OperandType.Float, 7),
        ],
        RequiredInputs: 4,
        [OperandType.Float, cache, cache]);

    // What a caller binds is not to be trusted with memory that is not its own.
    private static void Check(in AttentionCall call, bool isShared, RuntimeApi.Tensor cosines)
    {
        if (!isShared)
        {
            throw new NotSupportedException(
                "Past and present keys and values must be one buffer: bind the same memory to both.");
        }

        var longest = 0;
        for (var sequence = 0; sequence < call.Batch; sequence++)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(call.LastPositions[sequence], -1);
            longest = Math.Max(longest, call.Past(sequence) + call.Tokens);
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(longest, call.Capacity);
        if (call.Shape.Rotates)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(longest, cosines.Shape[0]);
        }
    }

    private void Run(ref AttentionCall call)
    {
        var (longest, skipped) = (0, 0);
        for (var sequence = 0; sequence < call.Batch; sequence++)
        {
            longest = Math.Max(longest, call.Past(sequence) + call.Tokens);
            skipped += call.IsSkipped(sequence) ? 1 : 0;
        }

        var tasks = call.Batch * shape.KeyHeads * call.Blocks;
        var computing = tasks - (skipped * shape.KeyHeads * call.Blocks);
        var splits = computing < FewTasks && longest > AttentionSegment.Length;
        call.Segments = (longest + AttentionSegment.Length - 1) / AttentionSegment.Length;
        var turned = checked(call.Batch * call.Tokens * shape.Heads * call.HeadSize);
        var partials = splits
            ? checked(call.Batch * call.Tokens * shape.Heads * call.Segments * AttentionRows.RowFloats(call.HeadSize)) : 0;
        var memory = ArrayPool<float>.Shared.Rent(turned + partials);
        fixed (float* start = memory)
        fixed (AttentionCall* pinned = &call)
        {
            call.Turned = start;
            call.Partials = start + turned;
            threads.For(call.Batch * call.Tokens, &PreparePart, pinned);
            if (splits)
            {
                threads.For(tasks * call.Segments, &SegmentPart, pinned);
                threads.For(tasks, &JoinPart, pinned);
            }
            else
            {
                threads.For(tasks, &WholePart, pinned);
            }
        }

        ArrayPool<float>.Shared.Return(memory);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PreparePart(void* state, int part)
    {
        ref var call = ref *(AttentionCall*)state;
        AttentionTokens.Prepare(call, part / call.Tokens, part % call.Tokens);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WholePart(void* state, int part)
    {
        ref var call = ref *(AttentionCall*)state;
        var scratch = stackalloc float[AttentionRows.ScratchFloats(call)];
        Rows(call, part, Aligned(scratch)).ComputeAll();
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SegmentPart(void* state, int part)
    {
        ref var call = ref *(AttentionCall*)state;
        var scratch = stackalloc float[AttentionRows.ScratchFloats(call)];
        Rows(call, part / call.Segments, Aligned(scratch)).ComputeOne(part % call.Segments);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void JoinPart(void* state, int part) => Rows(*(AttentionCall*)state, part, null).JoinAll();

    // Vectors that cross lines of memory take twice as long.
    private static float* Aligned(float* scratch) => (float*)(((nint)scratch + Line - 1) / Line * Line);

    // Long blocks, the last ones, come first.
    private static AttentionRows Rows(in AttentionCall call, int task, float* scratch)
    {
        var block = call.Blocks - 1 - (task / (call.Batch * call.Shape.KeyHeads));
        var rest = task % (call.Batch * call.Shape.KeyHeads);
        return new AttentionRows(call, rest / call.Shape.KeyHeads, rest % call.Shape.KeyHeads, block, scratch);
    }
}
