using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Slipway.Checkpoints.PyTorch;

// Interprets a pickle as data. It knows the instructions that torch.save writes and the names in PickleNames; anything
// else is refused by name, so that no code in a file can run. Source: the instructions as Python's pickletools
// describes them.
internal sealed class PickleReader(byte[] pickle, string path)
{
    private const int MaxValues = 1 << 24;
    private static readonly object Mark = new();
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, true);

    private readonly List<object?> _stack = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _position;

    public object? Read()
    {
        while (true)
        {
            var at = _position;
            var instruction = Byte();
            if (instruction == '.')
            {
                return Pop();
            }

            if (_stack.Count > MaxValues)
            {
                throw Bad($"holds more than {MaxValues} values at once");
            }

            if (!TryPush(instruction) && !TryCombine(instruction))
            {
                throw new CheckpointException(
                    $"The PyTorch file '{path}' has the pickle instruction '0x{instruction:X2}' at byte {at}, which " +
                    "no file of plain tensors has. It is refused; use the model's safetensors files.", path);
            }
        }
    }

    // Instructions that put one value on the stack, or none.
    private bool TryPush(byte instruction)
    {
        switch (instruction)
        {
            case 0x80: // PROTO
                Byte();
                return true;
            case 0x95: // FRAME
                Take(sizeof(ulong));
                return true;
            case (byte)'(':
                return Push(Mark);
            case (byte)'N':
                return Push(null);
            case 0x88:
                return Push(true);
            case 0x89:
                return Push(false);
            case (byte)'K':
                return Push((long)Byte());
            case (byte)'M':
                return Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort))));
            case (byte)'J':
                return Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int))));
            case 0x8A: // LONG1
                return Push(Long(Byte()));
            case (byte)'G':
                return Push(BinaryPrimitives.ReadDoubleBigEndian(Take(sizeof(double))));
            case (byte)'X':
                return Push(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)))));
            case 0x8C or (byte)'U': // SHORT_BINUNICODE, SHORT_BINSTRING
                return Push(Text(Byte()));
            case (byte)'}':
                return Push(new PickleDictionary([]));
            case (byte)']':
                return Push(new PickleList([]));
            case (byte)')':
                return Push(new PickleTuple([]));
            case (byte)'c':
                return Push(Name(Line(), Line()));
            case (byte)'h':
                return Push(Recall(Byte()));
            case (byte)'j':
                return Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)))));
            default:
                return false;
        }
    }

    // Instructions that work on what is on the stack.
    private bool TryCombine(byte instruction)
    {
        switch (instruction)
        {
            case (byte)'q':
                return Remember(Byte());
            case (byte)'r':
                return Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint))));
            case 0x94: // MEMOIZE
                return Remember((uint)_memo.Count);
            case (byte)'0': // POP
                Pop();
                return true;
            case (byte)'t':
                return Push(new PickleTuple(PopToMark()));
            case 0x85 or 0x86 or 0x87: // TUPLE1, TUPLE2, TUPLE3
                return Push(new PickleTuple(PopMany(instruction - 0x84)));
            case (byte)'a':
                var item = Pop();
                Peek<PickleList>().Items.Add(item);
                return true;
            case (byte)'e':
                var items = PopToMark();
                Peek<PickleList>().Items.AddRange(items);
                return true;
            case (byte)'s':
                return SetItems(PopMany(2));
            case (byte)'u':
                return SetItems(PopToMark());
            case 0x93: // STACK_GLOBAL
                var names = PopMany(2);
                return names is [string module, string name] ? Push(Name(module, name)) : throw Unexpected(names[1]);
            case (byte)'Q': // BINPERSID
                return Push(PickleObjects.Storage(Pop(), Unexpected));
            case (byte)'R':
                var arguments = Pop() as PickleTuple ?? throw Bad("calls something without arguments");
                return Push(PickleObjects.Build(Pop(), arguments.Items, Unexpected));
            case (byte)'b': // BUILD: torch hangs metadata on its dictionaries, which say nothing about tensors.
                Pop();
                Peek<PickleDictionary>();
                return true;
            default:
                return false;
        }
    }

    private bool SetItems(object?[] items)
    {
        var dictionary = Peek<PickleDictionary>();
        if (items.Length % 2 != 0)
        {
            throw Bad("has a key without a value");
        }

        for (var i = 0; i < items.Length; i += 2)
        {
            dictionary.Items.Add((items[i], items[i + 1]));
        }

        return true;
    }

    private PickleName Name(string module, string name)
    {
        var full = $"{module}.{name}";
        return PickleNames.IsAllowed(full) ? new PickleName(full) : throw new CheckpointException(
            $"The PyTorch file '{path}' asks for '{Shorten(full)}', which no file of plain tensors needs. It is " +
            "refused, since it could run code; use the model's safetensors files.", path);
    }

    private bool Push(object? value)
    {
        _stack.Add(value);
        return true;
    }

    private object? Pop() => PopMany(1)[0];

    private object?[] PopMany(int count)
    {
        if (_stack.Count < count || _stack.LastIndexOf(Mark, _stack.Count - 1, count) >= 0)
        {
            throw Bad("takes a value where there is none");
        }

        object?[] values = [.. _stack[^count..]];
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private object?[] PopToMark()
    {
        var mark = _stack.LastIndexOf(Mark);
        if (mark < 0)
        {
            throw Bad("ends a list that did not begin");
        }

        object?[] values = [.. _stack[(mark + 1)..]];
        _stack.RemoveRange(mark, _stack.Count - mark);
        return values;
    }

    private T Peek<T>()
        where T : class => _stack.LastOrDefault() as T ?? throw Unexpected(_stack.LastOrDefault());

    private bool Remember(uint key)
    {
        _memo[key] = _stack.Count > 0 ? _stack[^1] : throw Bad("takes a value where there is none");
        return true;
    }

    private object? Recall(uint key) =>
        _memo.TryGetValue(key, out var value) ? value : throw Bad($"refers to the value {key}, which is not there");

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(uint count)
    {
        if (count > pickle.Length - _position)
        {
            throw Bad("ends inside its pickle");
        }

        _position += (int)count;
        return pickle.AsSpan(_position - (int)count, (int)count);
    }

    private long Long(byte count)
    {
        var bytes = Take(count);
        if (count > sizeof(long))
        {
            throw Bad($"has a whole number of {count} bytes; at most {sizeof(long)} are read");
        }

        long value = count > 0 && bytes[^1] >= 0x80 ? -1 : 0;
        for (var i = count - 1; i >= 0; i--)
        {
            value = (value << 8) | bytes[i];
        }

        return value;
    }

    private string Text(uint count)
    {
        try
        {
            return StrictUtf8.GetString(Take(count));
        }
        catch (DecoderFallbackException)
        {
            throw Bad("has a text that is not valid UTF-8");
        }
    }

    private string Line()
    {
        var length = pickle.AsSpan(_position).IndexOf((byte)'\n');
        if (length < 0)
        {
            throw Bad("ends inside its pickle");
        }

        var line = Text((uint)length);
        _position++;
        return line;
    }

    private CheckpointException Unexpected(object? value) => Bad(
        $"has a pickle that uses '{Shorten(Describe(value))}' where plain tensors need something else");

    private CheckpointException Bad(string problem) => new(
        $"The PyTorch file '{path}' {problem} (byte {_position} of its pickle). Save its tensors alone " +
        "('torch.save(model.state_dict(), …)'), or use the model's safetensors files.", path);

    private static string Describe(object? value) => value switch
    {
        null => "None",
        PickleName name => name.Full,
        string text => text,
        PickleTuple or PickleList or PickleDictionary => value.GetType().Name["Pickle".Length..],
        PickleTensor => "Tensor",
        PickleStorage => "Storage",
        _ => value == Mark ? "a mark" : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static string Shorten(string text) => text.Length <= 80 ? text : string.Concat(text.AsSpan(0, 77), "...");
}
