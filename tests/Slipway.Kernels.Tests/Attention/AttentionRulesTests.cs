using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Kernels.Interop;
using Slipway.Onnx;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Attention;

/// <summary>
/// Each rule of the attention operators: what breaks it is refused, and the error names value and tensor.
/// </summary>
public sealed class AttentionRulesTests : IDisposable
{
    private const int Batch = 2, Tokens = 3, Heads = 4, KeyValueHeads = 2, Size = 32, Capacity = 8, Positions = 16;
    private const int Query = 0, PastKey = 1, PastValue = 2, Last = 3, Key = 4, Value = 5, Cosines = 6, Sines = 7,
        Sinks = 8;
    private const int KeyScales = 9, ValueScales = 10;

    private static readonly Dictionary<string, (Action<Case> Change, string Expected)> _loadRules = new()
    {
        ["heads no multiple"] = (
            one => one.Attributes["num_heads"] = 3,
            "attributes 'num_heads' and 'kv_num_heads' are 3 and 2"),
        ["heads zero"] = (one => one.Attributes["num_heads"] = 0, "are 0 and 2"),
        ["heads beyond 32 bits"] = (one => one.Attributes["num_heads"] = 1L << 33, "up to 4096 heads were expected"),
        ["key heads zero"] = (one => one.Attributes["kv_num_heads"] = 0, "are 4 and 0"),
        ["key heads negative"] = (one => one.Attributes["kv_num_heads"] = -2, "are 4 and -2"),
        ["window negative"] = (one => one.Attributes["local_window_size"] = -7, "attribute 'local_window_size' is -7"),
        ["sliding neither"] = (
            one => one.Attributes["sliding_window_cache"] = 2,
            "attributes 'sliding_window_cache' and 'local_window_size' are 2 and -1; 0, or 1 and a window"),
        ["sliding without a window"] = (
            one => one.Attributes["sliding_window_cache"] = 1,
            "attributes 'sliding_window_cache' and 'local_window_size' are 1 and -1"),
        ["sliding with a window beyond 30 bits"] = (
            one => Slide(one, (1L << 30) + 1), "are 1 and 1073741825; 0, or 1 and a window of up to 1073741824 tokens"),
        ["rotary neither"] = (
            one => one.Attributes["do_rotary"] = 2,
            "attribute 'do_rotary' is 2; 0 or 1 was expected"),
        ["heads missing"] = (
            one => one.Attributes.Remove("num_heads"),
            "attribute 'num_heads' is missing or no integer"),
        ["scale not a number"] = (one => one.Scale = float.NaN, "attribute 'scale' is 'NaN'"),
        ["softcap negative"] = (one => one.Softcap = -1, "attribute 'softcap' is negative"),
        ["cosines missing"] = (one => one.Leave(Cosines), "'do_rotary' is 1 and inputs 6 and 7 are not both there"),
        ["sines missing"] = (one => one.Leave(Sines), "'do_rotary' is 1 and inputs 6 and 7 are not both there"),
        ["value missing"] = (one => one.Leave(Value), "of inputs 4 and 5, a key and a value, one is missing"),
        ["key missing"] = (one => one.Leave(Key), "of inputs 4 and 5, a key and a value, one is missing"),
        ["scales missing"] = (
            one => { one.Bits = 8; one.Leave(KeyScales); },
            "inputs 9 and 10 are not both there"),
        ["positions missing"] = (one => one.Leave(Last), "InvalidGraph"),
        ["means of keys beside sinks"] = (
            one => one.Bits = 4,
            "input 9, means of keys, stands beside input 8 or 'softcap'"),
    };

    private static readonly Dictionary<string, (Action<Case> Change, string Expected)> _runRules = new()
    {
        ["heads more"] = (
            one => { one.Attributes["num_heads"] = 8; one.Leave(Sinks); },
            "input 0, 'query', has the shape [2, 3, 128]; its attributes and other inputs ask for [2, 3, 256]"),
        ["key heads fewer"] = (
            one => one.Attributes["kv_num_heads"] = 1,
            "input 1, 'past_key', has the shape [2, 2, 8, 32]; its attributes and other inputs ask for [2, 1, 8, "
            + "32]"),
        ["key heads more"] = (one => one.Attributes["kv_num_heads"] = 4, "ask for [2, 4, 8, 32]"),
        ["query narrower"] = (
            one => one.Shapes[Query] = [Batch, Tokens, 96],
            "input 0, 'query', has the shape [2, 3, 96]"),
        ["query of two dimensions"] = (
            one => one.Shapes[Query] = [6, 128],
            "input 0, 'query', has the shape [6, 128]; 3 dimensions were expected"),
        ["cache of a smaller batch"] = (
            one => one.Cache([1, 2, 8, 32]),
            "input 1, 'past_key', has the shape [1, 2, 8, 32]; its attributes and other inputs ask for [2, 2, 8, "
            + "32]"),
        ["cache of three dimensions"] = (one => one.Cache([4, 8, 32]), "4 dimensions were expected"),
        ["cache of odd heads"] = (
            one => one.Cache([2, 2, 8, 24]),
            "has heads of 24; a multiple of 16 up to 512 was expected"),
        ["cache of huge heads"] = (one => one.Cache([2, 2, 8, 1024]), "has heads of 1024"),
        ["cache of no heads"] = (one => one.Cache([2, 2, 8, 0]), "has heads of 0"),
        ["value cache shorter"] = (
            one => one.Shapes[PastValue] = [2, 2, 4, 32],
            "input 2, 'past_value', has the shape [2, 2, 4, 32]"),
        ["positions of fewer sequences"] = (
            one => one.Shapes[Last] = [1],
            "input 3, 'last', has the shape [1]; its attributes and other inputs ask for [2]"),
        ["position beyond the cache"] = (
            one => one.LastPosition = Capacity,
            "ends at position 8 with 3 new tokens; the cache, input 1, has room for 8 positions"),
        ["position the largest"] = (one => one.LastPosition = int.MaxValue, "ends at position 2147483647"),
        ["sliding cache shorter than the window"] = (
            one => Slide(one, 9),
            "input 1, 'past_key', has room for 8 tokens; those of the window, 9, or more were expected"),
        ["sliding cache and the largest position"] = (
            one => { Slide(one, 4); one.LastPosition = int.MaxValue; },
            "ends at position 2147483647 with 3 new tokens; there may be 1073741824 positions"),
        ["position negative"] = (one => one.LastPosition = -2, "ends at position -2"),
        ["more tokens than the cache"] = (one => one.Cache([2, 2, 2, 32]), "has room for 2 positions"),
        ["key narrower"] = (
            one => one.Shapes[Key] = [2, 3, 32],
            "input 4, 'key', has the shape [2, 3, 32]; its attributes and other inputs ask for [2, 3, 64]"),
        ["key of fewer tokens"] = (one => one.Shapes[Key] = [2, 1, 64], "input 4, 'key', has the shape [2, 1, 64]"),
        ["value narrower"] = (one => one.Shapes[Value] = [2, 3, 32], "input 5, 'value', has the shape [2, 3, 32]"),
        ["cosines of fewer positions"] = (
            one => one.Shapes[Cosines] = one.Shapes[Sines] = [2, 16],
            "input 6, 'cosines', has rows for 2 positions"),
        ["cosines wider"] = (
            one => one.Shapes[Cosines] = one.Shapes[Sines] = [16, 17],
            "from 1 to 16 frequencies were expected for heads of 32"),
        ["cosines empty"] = (one => one.Shapes[Cosines] = one.Shapes[Sines] = [16, 0], "from 1 to 16 frequencies"),
        ["cosines of one dimension"] = (one => one.Shapes[Cosines] = [256], "2 dimensions were expected"),
        ["sines of fewer positions"] = (
            one => one.Shapes[Sines] = [4, 16],
            "input 7, 'sines', has the shape [4, 16]; its attributes and other inputs ask for [16, 16]"),
        ["sinks of fewer heads"] = (
            one => one.Shapes[Sinks] = [2],
            "input 8, 'sinks', has the shape [2]; its attributes and other inputs ask for [4]"),
        ["scales of fewer heads"] = (
            one => { one.Bits = 8; one.Shapes[KeyScales] = [1, 1, 32]; },
            "input 9, 'key_scales', has the shape [1, 1, 32]; its attributes and other inputs ask for [2, 1, 32]"),
        ["value scales of fewer channels"] = (
            one => { one.Bits = 8; one.Shapes[ValueScales] = [2, 1, 16]; },
            "input 10, 'value_scales', has the shape [2, 1, 16]"),
        ["rows of fewer bytes"] = (
            one => { PackCache(one); one.Cache([Batch, KeyValueHeads, Capacity, 19]); },
            "input 1, 'past_key', has rows of 19 bytes; heads of 32 take 20"),
        ["key means of fewer heads"] = (
            one => { PackCache(one); one.Shapes[KeyScales] = [1, 1, 32]; },
            "input 9, 'key_scales', has the shape [1, 1, 32]; its attributes and other inputs ask for [2, 1, 32]"),
        ["one side by side with two"] = (one => { one.Leave(Key); one.Leave(Value); }, "ask for [2, 3, 256]"),
        ["key buffers apart"] = (one => one.SharesKey = false, "must be one buffer: bind the same memory to both"),
        ["value buffers apart"] = (one => one.SharesValue = false, "must be one buffer: bind the same memory to both"),
    };

    private static void Slide(Case one, long window)
    {
        one.Attributes["sliding_window_cache"] = 1;
        one.Attributes["local_window_size"] = window;
    }

    // Means of keys do not go with sinks.
    private static void PackCache(Case one)
    {
        one.Bits = 4;
        one.Cache([Batch, KeyValueHeads, Capacity, 20]);
        one.Leave(Sinks);
    }

    private readonly TemporaryFolder _folder = new();

    public AttentionRulesTests()
        => Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");

    public static TheoryData<string> LoadRules => [.. _loadRules.Keys];

    public static TheoryData<string> RunRules => [.. _runRules.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(32)]
    [InlineData(16)]
    [InlineData(8)]
    [InlineData(4)]
    public void Run_TheNodeAsItIs_Computes(int bits)
    {
        var one = new Case { Bits = bits };
        if (bits == 4)
        {
            PackCache(one);
        }

        Run(one);
    }

    [Theory]
    [MemberData(nameof(LoadRules))]
    public void Open_NodeBreaksARule_IsRefused(string rule)
    {
        var (change, expected) = _loadRules[rule];
        var one = new Case();
        change(one);
        var refused = Assert.Throws<OnnxRuntimeException>(() => Run(one));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(RunRules))]
    public void Run_TensorBreaksARule_IsRefused(string rule)
    {
        var (change, expected) = _runRules[rule];
        var one = new Case();
        change(one);
        var refused = Assert.Throws<OnnxRuntimeException>(() => Run(one));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }

    private void Run(Case one)
    {
        using var session = KernelGraphs.Open(one.Graph(), _folder);
        using var binding = session.CreateIoBinding();
        using var options = new RunOptions();
        OrtValue[] values = [.. one.Names.Select((_, input) => one.NewValue(input))];
        using OrtValue key = one.NewValue(PastKey), value = one.NewValue(PastValue);
        foreach (var (name, input) in one.Names.Select((name, index) => (name, index)).Where(pair
            => pair.name.Length > 0))
        {
            binding.BindInput(name, values[input]);
        }

        binding.BindOutputToDevice("y", OrtMemoryInfo.DefaultInstance);
        binding.BindOutput("present_key", one.SharesKey ? values[PastKey] : key);
        binding.BindOutput("present_value", one.SharesValue ? values[PastValue] : value);
        session.RunWithBinding(options, binding);
        Array.ForEach(values, used => used.Dispose());
    }

    // A node all of whose tensors are inputs, so that each can have another shape.
    private sealed class Case
    {
        public string[] Names { get; } =
            [
                "query", "past_key", "past_value", "last", "key", "value", "cosines", "sines", "sinks", "key_scales",
                "value_scales",
            ];

        public Dictionary<string, long> Attributes { get; } = new()
        {
            ["num_heads"] = Heads, ["kv_num_heads"] = KeyValueHeads, ["local_window_size"] = -1, ["do_rotary"] = 1,
        };

        public float Scale { get; set; } = 0.2f;

        public float Softcap { get; set; }

        public int Bits { get; set; } = 32;

        public bool SharesKey { get; set; } = true;

        public bool SharesValue { get; set; } = true;

        public int LastPosition { get; set; } = Tokens - 1;

        public long[][] Shapes { get; } =
            [
                [Batch, Tokens, Heads * Size], [Batch, KeyValueHeads, Capacity, Size],
                    [Batch, KeyValueHeads, Capacity, Size],
                [Batch], [Batch, Tokens, KeyValueHeads * Size], [Batch, Tokens, KeyValueHeads * Size],
                    [Positions, Size / 2],
                [Positions, Size / 2], [Heads], [KeyValueHeads, 1, Size], [KeyValueHeads, 1, Size],
            ];

        public void Cache(long[] shape) => Shapes[PastKey] = Shapes[PastValue] = shape;

        public void Leave(int input) => Names[input] = "";

        public Graph Graph()
        {
            var graph = new Graph("attention");
            for (var input = 0; input < Names.Length; input++)
            {
                if (Names[input].Length > 0)
                {
                    graph.AddInput(Names[input], Type(input),
                        [.. Shapes[input].Select((_, index) => (Dimension)$"d{input}_{index}")]);
                }
            }

            graph.AddNode(new Node(
                "attention", "slipway",
                Bits switch
                {
                    4 => "GroupQueryAttentionInt4",
                    8 => "GroupQueryAttentionInt8",
                    16 => "GroupQueryAttentionFloat16",
                    _ => "GroupQueryAttention",
                },
                Names,
                ["y", "present_key", "present_value"],
                [
                    .. Attributes.Select(pair => new NodeAttribute.Int(pair.Key, pair.Value)),
                    new NodeAttribute.Float("scale", Scale), new NodeAttribute.Float("softcap", Softcap),
                ]));
            graph.AddOutput(new GraphValue("y"), ElementType.Float32, "batch", "tokens", "width");
            graph.AddOutput(new GraphValue("present_key"), Type(PastKey),
                [.. Shapes[PastKey].Select((_, index) => (Dimension)$"k{index}")]);
            graph.AddOutput(new GraphValue("present_value"), Type(PastKey),
                [.. Shapes[PastValue].Select((_, index) => (Dimension)$"v{index}")]);
            return graph;
        }

        public OrtValue NewValue(int input)
        {
            var type = Type(input) switch
            {
                ElementType.Float16 => TensorElementType.Float16,
                ElementType.Int8 => TensorElementType.Int8,
                ElementType.UInt8 => TensorElementType.UInt8,
                ElementType.Int32 => TensorElementType.Int32,
                _ => TensorElementType.Float,
            };
            var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, type, Shapes[input]);
            value.GetTensorMutableRawData().Clear();
            if (input == Last)
            {
                value.GetTensorMutableDataAsSpan<int>().Fill(LastPosition);
            }

            return value;
        }

        private ElementType Type(int input) => input switch
        {
            PastKey or PastValue => Bits switch
            {
                4 => ElementType.UInt8,
                8 => ElementType.Int8,
                16 => ElementType.Float16,
                _ => ElementType.Float32,
            },
            Last => ElementType.Int32,
            _ => ElementType.Float32,
        };
    }
}
