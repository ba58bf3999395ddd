using System.Buffers.Binary;
using System.Text;
using Slipway.Packaging;

namespace Slipway.Tests.Engine.Adapters;

public sealed class AdapterFileTests
{
    private const string Tensor = "model.layers.0.self_attn.qkv_proj.lora_A";

    public static TheoryData<string, string> Attacks => new()
    {
        { "empty", "is shorter than a header" },
        { "header too large", "states a header of 72057594037927936 bytes" },
        { "header beyond the end", "states a header of 9000000 bytes" },
        { "no json", "has a header that is not safetensors'" },
        { "a list", "has a header that is not safetensors'" },
        { "no shape", "has a header that is not safetensors'" },
        { "half precision", $"has a tensor '{Tensor}' that is no float32 matrix within its data" },
        { "offsets beyond the end", $"has a tensor '{Tensor}' that is no float32 matrix within its data" },
        { "negative offset", $"has a tensor '{Tensor}' that is no float32 matrix within its data" },
        { "shape that overflows", $"has a tensor '{Tensor}' that is no float32 matrix within its data" },
        { "no data", "holds 0 bytes of data" },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Load_DamagedAdapter_IsRefused(string attack, string problem)
    {
        using var package = new AdapterPackage();
        package.ForgetHashes();
        File.WriteAllBytes(package.File, Attack(attack));
        var error = Assert.Throws<PackageException>(() => LanguageModel.Load(package.Folder));
        Assert.Equal(package.File, error.Path);
        Assert.StartsWith(
            $"The adapter file '{package.File}' {problem}", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Copy or export the package again.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ChangedAdapter_FailsItsHash()
    {
        using var package = new AdapterPackage();
        var bytes = File.ReadAllBytes(package.File);
        bytes[^1] ^= 1;
        File.WriteAllBytes(package.File, bytes);
        var error = Assert.Throws<PackageException>(() => LanguageModel.Load(package.Folder));
        Assert.Contains("SHA-256", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ValueThatIsNotFinite_IsRefused()
    {
        using var package = new AdapterPackage();
        package.ForgetHashes();
        var bytes = File.ReadAllBytes(package.File);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(bytes.Length - 4), float.NaN);
        File.WriteAllBytes(package.File, bytes);
        var error = Assert.Throws<PackageException>(() => LanguageModel.Load(package.Folder));
        Assert.Matches(
            "^Tensor '.*' in '.*attention.safetensors' holds a value that is not finite. Export the package again.$",
            error.Message);
    }

    [Fact]
    public void Load_RandomDamage_LoadsOrSaysWhatIsWrong()
    {
        using var package = new AdapterPackage();
        package.ForgetHashes();
        var original = File.ReadAllBytes(package.File);
        var random = new Random(11);
        var refused = 0;
        for (var round = 0; round < 60; round++)
        {
            var bytes = original[..(random.Next(4) == 0 ? random.Next(original.Length) : original.Length)];
            for (var change = random.Next(1, 4); change > 0 && bytes.Length > 0; change--)
            {
                bytes[random.Next(Math.Min(bytes.Length, 2000))] = (byte)random.Next(256);
            }

            File.WriteAllBytes(package.File, bytes);
            try
            {
                LanguageModel.Load(package.Folder).Dispose();
            }
            catch (PackageException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 20, 60);
    }

    private static byte[] Attack(string attack) => attack switch
    {
        "empty" => [],
        "header too large" => [0, 0, 0, 0, 0, 0, 0, 1, 0],
        "header beyond the end" => Header(9_000_000, "{}", 8),
        "no json" => Header(null, "{{", 8),
        "a list" => Header(null, "[]", 8),
        "no shape" => Header(null, "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 8),
        "half precision" => Matrix("F16", "[2,1]", "[0,4]"),
        "offsets beyond the end" => Matrix("F32", "[4,1]", "[0,16]"),
        "negative offset" => Matrix("F32", "[2,1]", "[-4,4]"),
        "shape that overflows" => Matrix("F32", "[2147483647,2147483647]", "[0,4]"),
        _ => Header(null, "{}", 0),
    };

    private static byte[] Matrix(string type, string shape, string offsets) => Header(
        null, $"{{\"{Tensor}\":{{\"dtype\":\"{type}\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}", 8);

    private static byte[] Header(long? stated, string json, int data)
    {
        var header = Encoding.UTF8.GetBytes(json);
        var bytes = new byte[8 + header.Length + data];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, stated ?? header.Length);
        header.CopyTo(bytes, 8);
        return bytes;
    }
}
