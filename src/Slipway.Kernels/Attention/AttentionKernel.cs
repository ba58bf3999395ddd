using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Slipway.Kernels.Interop;
using Slipway.Kernels.Threading;
using static Slipway.Packaging.Kernels.AttentionContract;

namespace Slipway.Kernels.Attention;

/// <summary>Computes causal attention over a cache of keys and values that past and present share.</summary>
/// <remarks>
/// <code>
/// q, k = rotary(query, position), rotary(key, position);   cache[position] = k, value
/// y = softmax(softcap(scale * q · cacheᵀ)) · cache         over the positions that the token sees
/// </code>
/// It takes and gives what ONNX Runtime's GroupQueryAttention does: sequences of one new token each and of unequal
/// lengths, or of several. Past and present must be one buffer with room for the new tokens, or, of a layer with a
/// window, one that evicts the oldest: <see cref="SlidingRun"/>. Beyond that, a sequence whose last position is −1 is
/// left alone. <see cref="Packaging.Kernels.AttentionContract"/> states the inputs.
/// </remarks>
internal sealed unsafe class AttentionKernel : INodeKernel
{
    // Fewer tasks than that would leave threads without one; segments then are tasks too.
    private const int FewTasks = 12;
    private const int Line = 64;

    // A thread may have 1.5 MB of stack in all.
    private const int MaxStackFloats = 64 << 10;

    private readonly KernelThreads _threads;
    private readonly AttentionInputs _inputs;

    private AttentionKernel(KernelInfo info, CacheFormat format)
    {
        _threads = info.Domain.Threads;
        _inputs = new AttentionInputs(info, format);
        info.Domain.CacheInputs.UnionWith([info.Node.InputName(PastKey), info.Node.InputName(PastValue)]);
    }

    public static CustomOperator Operator { get; } = Describe(AttentionOperator, CacheFormat.Float32);

    /// <summary>The same with keys and values in half precision.</summary>
    public static CustomOperator Float16Operator { get; } =
        Describe(AttentionFloat16Operator, CacheFormat.Float16);

    /// <summary>The same with int8 keys and values.</summary>
    public static CustomOperator Int8Operator { get; } = Describe(AttentionInt8Operator, CacheFormat.Int8);

    /// <summary>The same with int4 keys and values.</summary>
    public static CustomOperator Int4Operator { get; } = Describe(AttentionInt4Operator, CacheFormat.Int4);

    public KernelNode Node => _inputs.Node;

    private AttentionShape Shape => _inputs.Shape;

    public void Compute(KernelContext context)
    {
        var call = _inputs.Read(context);
        if (call.Batch == 0 || call.Tokens == 0)
        {
            return;
        }

        if (!Shape.Slides)
        {
            Run(ref call);
            return;
        }

        using SlidingRun sliding = new(call, _threads);
        sliding.Begin();
        call = sliding.Call;
        fixed (int* firsts = sliding.Firsts)
        {
            call.Firsts = firsts;
            Run(ref call);
        }

        sliding.End();
    }

    public void Dispose()
    {
    }

    private static CustomOperator Describe(string name, CacheFormat format)
    {
        var cache = AttentionInputs.TypeOf(format);
        return new(
            name,
            info => new AttentionKernel(info, format),
            [OperandType.Float, cache, cache, OperandType.Int32, .. Enumerable.Repeat(OperandType.Float, 7)],
            RequiredInputs: 4,
            [OperandType.Float, cache, cache]);
    }

    private void Run(ref AttentionCall call)
    {
        var (longest, inactive) = (0, 0);
        for (var sequence = 0; sequence < call.Batch; sequence++)
        {
            longest = Math.Max(longest, call.Past(sequence) + call.Tokens);
            inactive += call.IsInactive(sequence) ? 1 : 0;
        }

        var tasks = checked(call.Batch * Shape.KeyValueHeads * call.Blocks);
        var computing = tasks - (inactive * Shape.KeyValueHeads * call.Blocks);
        call.Segments = AttentionRows.MaxSegments(call, longest);
        var splits = computing < FewTasks && call.Segments > 1;
        var rotated = checked(call.Batch * call.Tokens * Shape.NumAttentionHeads * call.HeadDim);
        var partials = splits
            ? checked(call.Batch * call.Tokens * Shape.NumAttentionHeads * call.Segments
            * AttentionRows.RowFloats(call.HeadDim))
            : 0;
        var memory = ArrayPool<float>.Shared.Rent(checked(rotated + partials));
        try
        {
            fixed (float* start = memory)
            fixed (AttentionCall* pinned = &call)
            {
                call.Rotated = start;
                call.Partials = start + rotated;
                _threads.For(call.Batch * call.Tokens, &PreparePart, pinned);
                if (splits)
                {
                    _threads.For(checked(tasks * call.Segments), &SegmentPart, pinned);
                    _threads.For(tasks, &JoinPart, pinned);
                }
                else
                {
                    _threads.For(tasks, &WholePart, pinned);
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(memory);
        }
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
        var floats = AttentionRows.ScratchFloats(call);
        if (floats > MaxStackFloats)
        {
            WithHeap(state, part, floats, &ComputeAll);
            return;
        }

        var scratch = stackalloc float[floats];
        ComputeAll(state, part, scratch);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SegmentPart(void* state, int part)
    {
        ref var call = ref *(AttentionCall*)state;
        var floats = AttentionRows.ScratchFloats(call);
        if (floats > MaxStackFloats)
        {
            WithHeap(state, part, floats, &ComputeOne);
            return;
        }

        var scratch = stackalloc float[floats];
        ComputeOne(state, part, scratch);
    }

    // Many heads to one of keys, or large ones, take more than a stack has.
    private static void WithHeap(void* state, int part, int floats, delegate*<void*, int, float*, void> compute)
    {
        var scratch = (float*)NativeMemory.Alloc((nuint)floats, sizeof(float));
        try
        {
            compute(state, part, scratch);
        }
        finally
        {
            NativeMemory.Free(scratch);
        }
    }

    private static void ComputeAll(void* state, int part, float* scratch)
        => Rows(*(AttentionCall*)state, part, Aligned(scratch)).ComputeAll();

    private static void ComputeOne(void* state, int part, float* scratch)
    {
        ref var call = ref *(AttentionCall*)state;
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
        var block = call.Blocks - 1 - (task / (call.Batch * call.Shape.KeyValueHeads));
        var rest = task % (call.Batch * call.Shape.KeyValueHeads);
        return new AttentionRows(
            call, rest / call.Shape.KeyValueHeads, rest % call.Shape.KeyValueHeads, block, scratch);
    }
}
