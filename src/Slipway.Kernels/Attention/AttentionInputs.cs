using Slipway.Kernels.Interop;
using static Slipway.Packaging.Kernels.AttentionContract;

namespace Slipway.Kernels.Attention;

/// <summary>Reads an attention node's attributes and a run's tensors, each compared with the others.</summary>
/// <remarks>What this gives may be used as pointers' bounds: nothing of it is only what a file says.</remarks>
internal sealed unsafe class AttentionInputs
{
    // Longer windows see all; positions stay within 32 bits.
    private const int MaxWindow = 1 << 30, MaxPositions = 1 << 30;

    private readonly CacheFormat _format;

    public AttentionInputs(KernelInfo info, CacheFormat format)
    {
        Node = info.Node;
        _format = format;
        var (heads, keyValueHeads) = (info.Integer(HeadsAttribute), info.Integer(KeyValueHeadsAttribute));
        if (!Supports(heads, keyValueHeads))
        {
            throw Node.Invalid(
                $"attributes '{HeadsAttribute}' and '{KeyValueHeadsAttribute}' are {heads} and {keyValueHeads}; up to "
                + $"{MaxHeads} heads were expected, a multiple of those of keys and values");
        }

        var window = info.Integer(WindowAttribute);
        if (window < -1)
        {
            throw Node.Invalid($"attribute '{WindowAttribute}' is {window}; a number of tokens or -1 was expected");
        }

        var softcap = info.Number(SoftcapAttribute);
        if (softcap < 0)
        {
            throw Node.Invalid($"attribute '{SoftcapAttribute}' is negative; 0 or more was expected");
        }

        var rotates = info.Integer(RotaryAttribute);
        if (rotates is not (0 or 1))
        {
            throw Node.Invalid($"attribute '{RotaryAttribute}' is {rotates}; 0 or 1 was expected");
        }

        if (rotates == 1 && !(Node.Has(Cosines) && Node.Has(Sines)))
        {
            throw Node.Invalid($"'{RotaryAttribute}' is 1 and inputs {Cosines} and {Sines} are not both there");
        }

        var slides = info.Integer(SlidingAttribute, missing: 0);
        if (slides is not (0 or 1) || (slides == 1 && window is < 1 or > MaxWindow))
        {
            throw Node.Invalid(
                $"attributes '{SlidingAttribute}' and '{WindowAttribute}' are {slides} and {window}; 0, or 1 and a "
                + $"window of up to {MaxWindow} tokens were expected");
        }

        if (format == CacheFormat.Int8 && !(Node.Has(KeyScales) && Node.Has(ValueScales)))
        {
            throw Node.Invalid(
                $"keys and values are int8, and inputs {KeyScales} and {ValueScales} are not both there");
        }

        if (format == CacheFormat.Int4 && Node.Has(KeyMeans) && (Node.Has(Sinks) || softcap > 0))
        {
            throw Node.Invalid(
                $"input {KeyMeans}, means of keys, stands beside input {Sinks} or '{SoftcapAttribute}', which scores "
                + "without those means do not go with");
        }

        if (Node.Has(Key) != Node.Has(Value))
        {
            throw Node.Invalid($"of inputs {Key} and {Value}, a key and a value, one is missing");
        }

        Shape = new AttentionShape(
            (int)heads, (int)keyValueHeads, info.Number(ScaleAttribute), softcap, (int)Math.Min(window, MaxWindow),
            rotates == 1, slides == 1);
    }

    public KernelNode Node { get; }

    public AttentionShape Shape { get; }

    /// <summary>The type of the tensors that hold keys and values.</summary>
    public static OperandType TypeOf(CacheFormat format) => format switch
    {
        CacheFormat.Float16 => OperandType.Float16,
        CacheFormat.Int8 => OperandType.Int8,
        CacheFormat.Int4 => OperandType.UInt8,
        _ => OperandType.Float,
    };

    /// <summary>Reads a run's tensors.</summary>
    /// <exception cref="InvalidDataException">A tensor has another type or shape than the others ask for.</exception>
    /// <exception cref="NotSupportedException">Past and present are not one buffer.</exception>
    public AttentionCall Read(KernelContext context)
    {
        RuntimeApi.Tensor query = context.Input(Query), past = context.Input(PastKey);
        Node.RequireType(query, Query, OperandType.Float);
        Node.RequireRank(query, Query, 3);
        Node.RequireType(past, PastKey, TypeOf(_format));
        Node.RequireRank(past, PastKey, 4);
        var (batch, tokens, capacity, row) = (query.Shape[0], query.Shape[1], past.Shape[2], past.Shape[3]);
        var size = _format == CacheFormat.Int4 ? HeadDim(query) : row;
        if (!SupportsHeadDim(size))
        {
            throw Node.Invalid(
                $"input {PastKey}, '{Node.InputName(PastKey)}', has heads of {size}; a multiple of {HeadDimMultiple} "
                + $"up to {MaxHeadDim} was expected");
        }

        if (_format == CacheFormat.Int4 && row != Int4Bytes(size))
        {
            throw Node.Invalid(
                $"input {PastKey}, '{Node.InputName(PastKey)}', has rows of {row} bytes; heads of {size} take "
                + $"{Int4Bytes(size)}");
        }

        if (batch > int.MaxValue || tokens > int.MaxValue || capacity > int.MaxValue)
        {
            throw Node.Invalid($"a batch of {batch}, {tokens} tokens or a capacity of {capacity} is too large");
        }

        ReadOnlySpan<long> cache = [batch, Shape.KeyValueHeads, capacity, row];
        Node.Require(past, PastKey, past.Type, cache);
        var pastValue = context.Input(PastValue);
        Node.Require(pastValue, PastValue, past.Type, cache);
        var call = new AttentionCall
        {
            Shape = Shape,
            Batch = (int)batch,
            Tokens = (int)tokens,
            HeadDim = (int)size,
            Capacity = (int)capacity,
            Format = _format,
            LastPositions = Read<int>(context, LastPositions, OperandType.Int32, [batch]),
            Sinks = Optional(context, Sinks, [Shape.NumAttentionHeads]),
            BlockTokens = AttentionRows.BlockTokens(Shape.Group),
        };
        ReadNewTokens(context, ref call, query);
        call.Output = context.Output<float>(Output, [batch, tokens, (long)Shape.NumAttentionHeads * size]);
        call.KeyCache = context.Output<byte>(PresentKey, cache);
        call.ValueCache = context.Output<byte>(PresentValue, cache);
        if (batch * tokens > 0
            && (past.Data<byte>() != call.KeyCache || pastValue.Data<byte>() != call.ValueCache))
        {
            throw new NotSupportedException(
                "Past and present keys and values must be one buffer: bind the same memory to both.");
        }

        if (_format == CacheFormat.Int8)
        {
            ReadOnlySpan<long> scales = [Shape.KeyValueHeads, 1, size];
            call.KeyScales = Read<float>(context, KeyScales, OperandType.Float, scales);
            call.ValueScales = Read<float>(context, ValueScales, OperandType.Float, scales);
        }

        else if (_format == CacheFormat.Int4)
        {
            call.KeyMeans = Optional(context, KeyMeans, [Shape.KeyValueHeads, 1, size]);
        }

        if (Shape.Slides && capacity < Shape.Window)
        {
            throw Node.Invalid(
                $"input {PastKey}, '{Node.InputName(PastKey)}', has room for {capacity} tokens; those of the window, "
                + $"{Shape.Window}, or more were expected");
        }

        RequirePositions(
            call, Shape.Slides ? MaxPositions : capacity,
            Shape.Slides ? "there may be" : $"the cache, input {PastKey}, has room for");
        ReadRotary(context, ref call);
        return call;
    }

    // Rows of 4 bits do not tell how many channels they have.
    private long HeadDim(in RuntimeApi.Tensor query)
        => query.Shape[2] / (Shape.NumAttentionHeads + (Node.Has(Key) ? 0 : 2 * Shape.KeyValueHeads));

    // Keys and values of new tokens stand in tensors of their own, or behind the queries.
    private void ReadNewTokens(KernelContext context, ref AttentionCall call, in RuntimeApi.Tensor query)
    {
        var (width, own) = ((long)Shape.NumAttentionHeads * call.HeadDim, (long)Shape.KeyValueHeads * call.HeadDim);
        var packed = Node.Has(Key) ? width : width + (2 * own);
        Node.Require(query, Query, OperandType.Float, [call.Batch, call.Tokens, packed]);
        if ((long)call.Batch * call.Tokens * width > int.MaxValue)
        {
            throw Node.Invalid(
                $"input {Query}, '{Node.InputName(Query)}', has the shape {KernelNode.Text(query.Shape)}, which is too "
                + "much at once");
        }

        call.Queries = query.Data<float>();
        call.QueryStride = (int)packed;
        if (Node.Has(Key))
        {
            ReadOnlySpan<long> shape = [call.Batch, call.Tokens, own];
            call.Keys = Read<float>(context, Key, OperandType.Float, shape);
            call.Values = Read<float>(context, Value, OperandType.Float, shape);
            call.KeyStride = (int)own;
            return;
        }

        call.KeyStride = call.QueryStride;
        call.Keys = call.Queries + width;
        call.Values = call.Keys + own;
    }

    private void ReadRotary(KernelContext context, ref AttentionCall call)
    {
        if (!Shape.Rotates)
        {
            return;
        }

        var cosines = context.Input(Cosines);
        Node.RequireType(cosines, Cosines, OperandType.Float);
        Node.RequireRank(cosines, Cosines, 2);
        if (cosines.Shape[1] is < 1 || 2 * cosines.Shape[1] > call.HeadDim)
        {
            throw Node.Invalid(
                $"input {Cosines}, '{Node.InputName(Cosines)}', has the shape {KernelNode.Text(cosines.Shape)}; from "
                + $"1 to {call.HeadDim / 2} frequencies were expected for heads of {call.HeadDim}");
        }

        call.RotaryHalf = (int)cosines.Shape[1];
        call.Cosines = cosines.Data<float>();
        call.Sines = Read<float>(context, Sines, OperandType.Float, cosines.Shape);
        RequirePositions(call, cosines.Shape[0], $"input {Cosines}, '{Node.InputName(Cosines)}', has rows for");
    }

    private void RequirePositions(in AttentionCall call, long room, string what)
    {
        for (var sequence = 0; sequence < call.Batch; sequence++)
        {
            var last = call.LastPositions[sequence];
            if (last < -1 || (long)Math.Max(0, (long)last + 1 - call.Tokens) + call.Tokens > room)
            {
                throw Node.Invalid(
                    $"input {LastPositions}, '{Node.InputName(LastPositions)}', says that sequence {sequence} ends at "
                    + $"position {last} with {call.Tokens} new tokens; {what} {room} positions, from 0 on, or -1 for "
                    + "none");
            }
        }
    }

    private T* Read<T>(KernelContext context, int input, OperandType type, ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var tensor = context.Input(input);
        Node.Require(tensor, input, type, shape);
        return tensor.Data<T>();
    }

    private float* Optional(KernelContext context, int input, ReadOnlySpan<long> shape)
        => Node.Has(input) ? Read<float>(context, input, OperandType.Float, shape) : null;
}
