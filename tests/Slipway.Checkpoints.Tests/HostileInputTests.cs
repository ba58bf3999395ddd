using System.Text;
using System.Text.Json.Nodes;
using Slipway.Checkpoints.Tests.Gguf;
using Slipway.Checkpoints.Tests.PyTorch;
using Slipway.Checkpoints.Tests.Quantized;
using Slipway.Checkpoints.Tests.TorchSharp;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests;

public sealed class HostileInputTests(ITestOutputHelper output)
{
    private const int Mutations = 300;
    private const long MaxAllocation = 32 << 20;
    private const long MaxRead = 1 << 16;

    // A row: the file that is damaged, and how its folder is made. What is opened is the folder.
    private static readonly Dictionary<string, (string File, Action<TemporaryFolder> Make)> Formats = new()
    {
        ["torchsharp"] = ("model.dat", folder => File.WriteAllBytes(folder["model.dat"], TorchSharpBytes.Of(
            ("a.weight", 6, [2, 3], new byte[24]), ("b", 15, [5], new byte[10]), ("c", 4, [], new byte[8])))),
        ["safetensors"] = ("model.safetensors", folder => WriteSafetensors(folder["model.safetensors"], "a", "b")),
        ["index"] = ("model.safetensors.index.json", WriteShards),
        ["shard"] = ("one.safetensors", WriteShards),
        ["gguf"] = ("model.gguf", folder => File.WriteAllBytes(folder["model.gguf"], TinyGguf.Llama().Build())),
        ["gguf-scores"] = ("model.gguf", folder => File.WriteAllBytes(
            folder["model.gguf"], TinyGguf.SentencePiece().Build())),
        ["pytorch"] = ("pytorch_model.bin", folder => File.WriteAllBytes(
            folder["pytorch_model.bin"], PyTorchCheckpointTests.Model().Build())),
        ["packed"] = ("model.safetensors", folder => PackedFixture.Write(folder, "gptq", 8, 8, 4, isReordered: true)),
        ["packed-config"] = ("config.json", folder => PackedFixture.Write(folder, "awq", 8, 8, 4, isReordered: false)),
        ["packed-rows"] = ("model.safetensors", Variant("ct-4-bits-group-zero-points")),
        ["packed-rows-config"] = ("config.json", Variant("ct-several-groups")),
        ["float8"] = ("model.safetensors", Variant("fp8-blocks-of-experts")),
        ["float4"] = ("model.safetensors", Variant("modelopt-nvfp4-pre-scaled")),
        ["float4-config"] = ("hf_quant_config.json", Variant("modelopt-nvfp4")),
        ["table"] = ("model.safetensors", Variant("bnb-nf4-nested-odd")),
        ["config"] = ("config.json", folder => WriteSafetensors(folder["model.safetensors"], "a")),
    };

    public static TheoryData<string> Names => [.. Formats.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Open_Mutated_OpensOrSaysWhatIsWrong(string format)
    {
        var random = new Random(Seed: 20250710);
        var refused = Damage(format, whole => Mutate(whole, random), Mutations);
        Assert.InRange(refused, 1, Mutations);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Open_Truncated_SaysWhatIsWrong(string format)
    {
        var length = 0;
        using var folder = MakeFolder(format);
        var count = (int)new FileInfo(folder[Formats[format].File]).Length;
        var refused = Damage(format, whole => whole[..length++], count);

        // A GGUF file may lose the padding behind its last tensor.
        Assert.InRange(refused, count - (format.StartsWith("gguf", StringComparison.Ordinal) ? 32 : 0), count);
    }

    // Opens and reads everything many times; returns how often it was refused.
    private int Damage(string format, Func<byte[], byte[]> damage, int times)
    {
        using var folder = MakeFolder(format);
        var file = folder[Formats[format].File];
        var whole = File.ReadAllBytes(file);
        ReadEverything(folder.Path);
        var (refused, max) = (0, 0L);
        for (var i = 0; i < times; i++)
        {
            File.WriteAllBytes(file, damage(whole));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                ReadEverything(folder.Path);
            }
            catch (CheckpointException error)
            {
                refused++;
                Assert.Contains(folder.Path, error.Message, StringComparison.Ordinal);
                Assert.StartsWith(folder.Path, error.Path, StringComparison.Ordinal);
                Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
            }

            max = Math.Max(max, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        output.WriteLine($"{format}: {refused} of {times} refused, largest allocation {max} bytes");
        Assert.InRange(max, 0, MaxAllocation);
        return refused;
    }

    private static TemporaryFolder MakeFolder(string format)
    {
        var folder = new TemporaryFolder();
        File.WriteAllText(
            folder["config.json"], """{"hidden_size": 8, "architectures": ["A"], "rope": {"a": [1, 2]}}""");
        Formats[format].Make(folder);
        return folder;
    }

    private static void ReadEverything(string folder)
    {
        using var checkpoint = Checkpoint.Open(folder);
        Assert.NotNull(checkpoint.Config);
        foreach (var tensor in checkpoint.Tensors.Values.Where(tensor => tensor.Count <= MaxRead))
        {
            checkpoint.ReadFloats(tensor.Name, 0, new float[tensor.Count]);
            checkpoint.ReadBytes(tensor.Name, 0, new byte[tensor.ByteLength]);
        }

        foreach (var grid in checkpoint.Quantized.Values.Where(grid => (long)grid.Rows * grid.Columns <= MaxRead))
        {
            checkpoint.ReadQuantized(
                grid.Name, 0, new byte[grid.Rows * grid.Columns], new float[grid.Rows * grid.GroupCount],
                new float[grid.Rows * grid.GroupCount]);
        }

        foreach (var name in (string[])["tokenizer.json", "tokenizer_config.json", "generation_config.json"])
        {
            _ = checkpoint.ReadFile(name);
        }
    }

    private static byte[] Mutate(byte[] whole, Random random)
    {
        var bytes = whole.ToList();
        for (var change = random.Next(1, 4); change > 0; change--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    // A number that is too large, wherever one may be.
                    for (var i = at; i < Math.Min(at + random.Next(1, 9), bytes.Count); i++)
                    {
                        bytes[i] = random.Next(2) == 0 ? (byte)0xFF : (byte)0x7F;
                    }

                    break;
                case 3:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 9), bytes.Count - at));
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 33), bytes.Count - at)));
                    break;
                default:
                    var other = random.Next(bytes.Count);
                    (bytes[at], bytes[other]) = (bytes[other], bytes[at]);
                    break;
            }

            if (bytes.Count == 0)
            {
                break;
            }
        }

        return [.. bytes];
    }

    private static void WriteSafetensors(string path, params string[] names) => SafetensorsWriter.Write(
        path, [.. names.Select(name => SafetensorsEntry.From(name, [1f, 2, 3, 4, 5, 6], 2, 3))]);

    private static Action<TemporaryFolder> Variant(string name) =>
        folder => QuantizedVariantTests.Variants[name]().Write(folder);

    private static void WriteShards(TemporaryFolder folder)
    {
        WriteSafetensors(folder["one.safetensors"], "a", "b");
        WriteSafetensors(folder["two.safetensors"], "c");
        var map = new JsonObject { ["a"] = "one.safetensors", ["b"] = "one.safetensors", ["c"] = "two.safetensors" };
        File.WriteAllBytes(
            folder["model.safetensors.index.json"],
            Encoding.UTF8.GetBytes(new JsonObject { ["weight_map"] = map }.ToJsonString()));
    }
}
