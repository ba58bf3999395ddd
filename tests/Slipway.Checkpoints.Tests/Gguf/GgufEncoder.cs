namespace Slipway.Checkpoints.Tests.Gguf;

// Rounds rows to GGUF's types as their layouts are published, and gives the values from the codes and scales chosen.
internal static class GgufEncoder
{
    private static readonly sbyte[] Curve =
        [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    // One row a type: its number in the file, elements of a block, and what rounds one in place.
    private static readonly Dictionary<string, (uint Number, int Size, Func<float[], byte[]> Round)> Types = new()
    {
        ["q4_0"] = (2, 32, block => Halves(block, 8)),
        ["q4_1"] = (3, 32, block => HalvesAndMinimum(block, 15)),
        ["q5_0"] = (6, 32, block => Halves(block, 16)),
        ["q5_1"] = (7, 32, block => HalvesAndMinimum(block, 31)),
        ["q8_0"] = (8, 32, Q8_0),
        ["q2_k"] = (10, 256, Q2_K),
        ["q3_k"] = (11, 256, Q3_K),
        ["q4_k"] = (12, 256, block => SixBitScales(block, 15)),
        ["q5_k"] = (13, 256, block => SixBitScales(block, 31)),
        ["q6_k"] = (14, 256, Q6_K),
        ["iq4_nl"] = (20, 32, Iq4Nl),
        ["iq4_xs"] = (23, 256, Iq4Xs),
    };

    public static uint NumberOf(string type) => Types[type].Number;

    // The type, or what llama.cpp takes for rows that are not whole super-blocks.
    public static string Fitting(string type, long columns) => columns % Types[type].Size == 0 ? type : type switch
    {
        "q4_k" => "q5_0",
        "q5_k" => "q5_1",
        "q6_k" => "q8_0",
        _ => "iq4_nl",
    };

    // The bytes; the values become those that the bytes stand for.
    public static byte[] Encode(string type, float[] values)
    {
        var (_, size, round) = Types[type];
        List<byte> bytes = [];
        for (var at = 0; at < values.Length; at += size)
        {
            var block = values[at..(at + size)];
            bytes.AddRange(round(block));
            block.CopyTo(values, at);
        }

        return [.. bytes];
    }

    private static byte[] Halves(float[] block, int middle)
    {
        var scale = Step(block.MaxBy(Math.Abs) / -middle);
        var codes = Codes(block, scale, -middle, middle - 1);
        Replace(block, i => codes[i] * scale);
        int[] raised = [.. codes.Select(code => code + middle)];
        return [.. Bytes(scale), .. middle == 16 ? FifthBits(raised) : [], .. Nibbles(raised)];
    }

    private static byte[] HalvesAndMinimum(float[] block, int max)
    {
        var minimum = (float)(Half)block.Min();
        var scale = Step((block.Max() - minimum) / max);
        var codes = Codes([.. block.Select(value => value - minimum)], scale, 0, max);
        Replace(block, i => (codes[i] * scale) + minimum);
        return [.. Bytes(scale), .. Bytes(minimum), .. max == 31 ? FifthBits(codes) : [], .. Nibbles(codes)];
    }

    private static byte[] Q8_0(float[] block)
    {
        var scale = Step(block.Max(Math.Abs) / 127);
        var codes = Codes(block, scale, -127, 127);
        Replace(block, i => codes[i] * scale);
        return [.. Bytes(scale), .. codes.Select(code => (byte)(sbyte)code)];
    }

    // Sixteen blocks of 16 with 4-bit scales and minima.
    private static byte[] Q2_K(float[] block)
    {
        var (step, low, scales, minima) = Grids(block, 16, 3, 15);
        var codes = CodesOf(block, 16, 3, step, low, scales, minima);
        Replace(block, i => (step * scales[i / 16] * codes[i]) - (low * minima[i / 16]));
        return
        [
            .. scales.Zip(minima, (scale, minimum) => (byte)(scale | (minimum << 4))), .. Quarters(codes),
            .. Bytes(step), .. Bytes(low),
        ];
    }

    // Sixteen blocks of 16 with signed 6-bit scales; the third bits lie apart.
    private static byte[] Q3_K(float[] block)
    {
        var (step, scales) = SignedGrids(block, 16, 4, 32);
        int[] codes = [.. block.Select((value, i) => Code(value, step * scales[i / 16], -4, 3) + 4)];
        Replace(block, i => step * scales[i / 16] * (codes[i] - 4));
        byte[] third = new byte[32], packed = new byte[12];
        for (var i = 0; i < 256; i++)
        {
            third[i % 32] |= (byte)(codes[i] >> 2 << (i / 32));
        }

        for (var i = 0; i < 16; i++)
        {
            var raised = scales[i] + 32;
            packed[i % 8] |= (byte)((raised & 15) << (i / 8 * 4));
            packed[8 + (i % 4)] |= (byte)(raised >> 4 << (i / 4 * 2));
        }

        return [.. third, .. Quarters([.. codes.Select(code => code & 3)]), .. packed, .. Bytes(step)];
    }

    // Eight blocks of 32 with 6-bit scales and minima.
    private static byte[] SixBitScales(float[] block, int max)
    {
        var (step, low, scales, minima) = Grids(block, 32, max, 63);
        var codes = CodesOf(block, 32, max, step, low, scales, minima);
        Replace(block, i => (step * scales[i / 32] * codes[i]) - (low * minima[i / 32]));
        byte[] packed = new byte[12], fifth = new byte[32];
        for (var i = 0; i < 4; i++)
        {
            packed[i] = (byte)(scales[i] | (scales[i + 4] >> 4 << 6));
            packed[i + 4] = (byte)(minima[i] | (minima[i + 4] >> 4 << 6));
            packed[i + 8] = (byte)((scales[i + 4] & 15) | ((minima[i + 4] & 15) << 4));
        }

        for (var i = 0; i < 256; i++)
        {
            fifth[i % 32] |= (byte)(codes[i] >> 4 << (i / 32));
        }

        var nibbles = codes.Chunk(64).SelectMany(
            pair => pair[..32].Zip(pair[32..], (first, second) => (byte)((first & 15) | ((second & 15) << 4))));
        return [.. Bytes(step), .. Bytes(low), .. packed, .. max == 31 ? fifth : [], .. nibbles];
    }

    // Sixteen blocks of 16 with signed 8-bit scales.
    private static byte[] Q6_K(float[] block)
    {
        var (step, scales) = SignedGrids(block, 16, 32, 128);
        int[] codes = [.. block.Select((value, i) => Code(value, step * scales[i / 16], -32, 31) + 32)];
        Replace(block, i => step * scales[i / 16] * (codes[i] - 32));
        byte[] low = new byte[128], high = new byte[64];
        for (var i = 0; i < 256; i++)
        {
            var (half, quarter, offset) = (i / 128, i % 128 / 32, i % 32);
            low[(half * 64) + (quarter % 2 * 32) + offset] |= (byte)((codes[i] & 15) << (quarter / 2 * 4));
            high[(half * 32) + offset] |= (byte)(codes[i] >> 4 << (quarter * 2));
        }

        return [.. low, .. high, .. scales.Select(scale => (byte)(sbyte)scale), .. Bytes(step)];
    }

    private static byte[] Iq4Nl(float[] block)
    {
        var scale = Step(block.MaxBy(Math.Abs) / Curve[0]);
        int[] codes = [.. block.Select(value => Nearest(value, scale))];
        Replace(block, i => Curve[codes[i]] * scale);
        return [.. Bytes(scale), .. Nibbles(codes)];
    }

    // Eight blocks of 32 with signed 6-bit scales.
    private static byte[] Iq4Xs(float[] block)
    {
        var (step, scales) = SignedGrids(block, 32, 127, 32);
        int[] codes = [.. block.Select((value, i) => Nearest(value, step * scales[i / 32]))];
        Replace(block, i => step * scales[i / 32] * Curve[codes[i]]);
        var low = new byte[4];
        var high = 0;
        for (var i = 0; i < 8; i++)
        {
            low[i / 2] |= (byte)(((scales[i] + 32) & 15) << (i % 2 * 4));
            high |= (scales[i] + 32) >> 4 << (2 * i);
        }

        return [.. Bytes(step), (byte)high, (byte)(high >> 8), .. low, .. codes.Chunk(32).SelectMany(Nibbles)];
    }

    // A scale and what is taken off for each block, as numbers up to max of two factors.
    private static (float Step, float Low, int[] Scales, int[] Minima) Grids(
        float[] block, int size, int levels, int max)
    {
        var parts = block.Chunk(size).ToArray();
        float[] minima = [.. parts.Select(part => Math.Max(0, -part.Min()))];
        float[] scales = [.. parts.Zip(minima, (part, minimum) => (part.Max() + minimum) / levels)];
        var (step, low) = (Step(scales.Max() / max), Step(minima.Max() / max));
        return (step, low, Codes(scales, step, 0, max), Codes(minima, low, 0, max));
    }

    private static (float Step, int[] Scales) SignedGrids(float[] block, int size, int levels, int max)
    {
        float[] scales = [.. block.Chunk(size).Select(part => part.MaxBy(Math.Abs) / -levels)];
        var step = Step(scales.MaxBy(Math.Abs) / -max);
        return (step, Codes(scales, step, -max, max - 1));
    }

    private static int[] CodesOf(
        float[] block, int size, int max, float step, float low, int[] scales, int[] minima) =>
        [.. block.Select((value, i) => Code(value + (low * minima[i / size]), step * scales[i / size], 0, max))];

    private static int[] Codes(IEnumerable<float> values, float scale, int min, int max) =>
        [.. values.Select(value => Code(value, scale, min, max))];

    private static int Code(float value, float scale, int min, int max) =>
        scale == 0 ? Math.Clamp(0, min, max) : (int)Math.Clamp(MathF.Round(value / scale), min, max);

    private static int Nearest(float value, float scale) =>
        Enumerable.Range(0, 16).MinBy(code => Math.Abs(value - (scale * Curve[code])));

    private static void Replace(float[] block, Func<int, float> value)
    {
        for (var i = 0; i < block.Length; i++)
        {
            block[i] = value(i);
        }
    }

    private static float Step(float scale) => (float)(Half)scale;

    private static byte[] Bytes(float half) => BitConverter.GetBytes((Half)half);

    // Element i low and element i + 16 high.
    private static IEnumerable<byte> Nibbles(int[] codes) =>
        codes[..16].Zip(codes[16..], (first, second) => (byte)((first & 15) | ((second & 15) << 4)));

    private static byte[] FifthBits(int[] codes) =>
        BitConverter.GetBytes(codes.Select((code, i) => (uint)(code >> 4) << i).Aggregate((sum, bit) => sum | bit));

    // Of 128 elements, those 32 apart share a byte.
    private static IEnumerable<byte> Quarters(int[] codes) => codes.Chunk(128).SelectMany(half =>
        Enumerable.Range(0, 32).Select(
            i => (byte)Enumerable.Range(0, 4).Sum(part => half[i + (part * 32)] << (part * 2))));
}
