using System.Text;
using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Quantized;

public sealed class QuantizedErrorTests : IDisposable
{
    private const string Weight = "a.q_proj.weight";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("ct-4-bits-group", "a.q_proj.weight_scale")]
    [InlineData("ct-int8-channel", "a.q_proj.weight_scale")]
    [InlineData("ct-float8-block", "a.q_proj.weight_scale")]
    [InlineData("ct-nvfp4", "a.q_proj.weight_scale")]
    [InlineData("fp8-blocks", "a.q_proj.weight_scale_inv")]
    [InlineData("fp8-tensor", "a.q_proj.weight_scale")]
    [InlineData("modelopt-fp8", "a.q_proj.weight_scale")]
    [InlineData("bnb-nf4", "a.q_proj.weight.absmax")]
    [InlineData("bnb-nf4-nested-odd", "a.q_proj.weight.nested_quant_map")]
    [InlineData("bnb-int8", "a.q_proj.SCB")]
    [InlineData("gptq-3-bits", "a.q_proj.scales")]
    [InlineData("auto-round-awq", "a.q_proj.qzeros")]
    public void Open_WithoutAPart_NamesIt(string variant, string part)
    {
        var error = Refused(QuantizedVariantTests.Variants[variant]().Remove(part));

        Assert.Equal(part, error.Tensor);
        Assert.Equal(
            $"The checkpoint '{_folder.Path}' lacks the tensor '{part}' of a quantized weight. Put the weight file "
            + "that holds it beside the others.", error.Message);
    }

    [Theory]
    [InlineData("ct-4-bits-group", "a.q_proj.weight_scale")]
    [InlineData("ct-float8-block", "a.q_proj.weight_scale")]
    [InlineData("fp8-blocks", "a.q_proj.weight_scale_inv")]
    [InlineData("modelopt-int8", "a.q_proj.weight_scale")]
    public void Open_ScalesThatDoNotFit_NamesThem(string variant, string scales)
    {
        var error = Refused(QuantizedVariantTests.Variants[variant]().Remove(scales)
            .Add(scales, TensorType.F32, new float[35], 5, 7));

        Assert.Equal(scales, error.Tensor);
        Assert.StartsWith(
            $"Tensor '{scales}' of '{_folder.Path}' has the type F32 and the shape [5, 7]; expected one scale",
            error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ct-4-bits-channel", "a.q_proj.weight_scale", 6)]
    [InlineData("fp8-rows", "a.q_proj.weight_scale", 6)]
    [InlineData("bnb-int8", "a.q_proj.SCB", 5)]
    public void Read_ScaleThatIsNoNumber_NamesTheTensor(string variant, string scales, int count)
    {
        var values = new float[count];
        values[^1] = float.NaN;
        QuantizedVariantTests.Variants[variant]().Remove(scales).Add(scales, TensorType.F32, values, count, 1)
            .Write(_folder);
        using var checkpoint = Checkpoint.Open(_folder.Path);

        var error = Assert.Throws<CheckpointException>(() => CheckpointFiles.Floats(checkpoint, Weight));

        Assert.Equal(scales, error.Tensor);
        Assert.Equal(
            $"Tensor '{scales}' of '{_folder.Path}' holds the scale 'NaN', which is not a finite number. The weights "
            + "are damaged: compare the file's hash with the one that its author publishes.", error.Message);
    }

    [Fact]
    public void Open_GlobalScaleOfZero_NamesIt()
    {
        const string Scale = "a.q_proj.weight_global_scale";
        var error = Refused(QuantizedVariantTests.Variants["ct-nvfp4"]().Remove(Scale)
            .Add(Scale, TensorType.F32, new float[1], 1));

        Assert.Equal(Scale, error.Tensor);
        Assert.Contains("expected a number other than 0", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not JSON", "does not hold the state of a quantization in JSON")]
    [InlineData("[1, 2]", "does not hold the state of a quantization in JSON")]
    [InlineData("""{"blocksize": 64, "dtype": "float32"}""", "states 'null' for 'shape'; expected a list of whole")]
    [InlineData("""{"blocksize": 64, "dtype": "float32", "shape": [6, -20]}""", "states '[6,-20]' for 'shape'")]
    [InlineData("""{"blocksize": 64, "dtype": "float32", "shape": [4294967296, 4294967296]}""", "for 'shape'")]
    [InlineData("""{"blocksize": 0, "dtype": "float32", "shape": [6, 20]}""", "states '0' for 'blocksize'")]
    [InlineData("""{"blocksize": 64, "dtype": "int4", "shape": [6, 20]}""", "states '\u0022int4\u0022' for 'dtype'")]
    public void Open_StateThatIsDamaged_NamesItsValue(string json, string problem)
    {
        const string State = "a.q_proj.weight.quant_state.bitsandbytes__nf4";
        var bytes = Encoding.UTF8.GetBytes(json);
        var error = Refused(QuantizedVariantTests.Variants["bnb-nf4"]().Remove(State)
            .Add(State, TensorType.U8, bytes, bytes.Length));

        Assert.Equal(State, error.Tensor);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_StateOfAnotherShape_NamesTheCodes()
    {
        const string State = "a.q_proj.weight.quant_state.bitsandbytes__nf4";
        var bytes = Encoding.UTF8.GetBytes("""{"blocksize": 64, "dtype": "float32", "shape": [6, 22]}""");
        var error = Refused(QuantizedVariantTests.Variants["bnb-nf4"]().Remove(State)
            .Add(State, TensorType.U8, bytes, bytes.Length));

        Assert.Equal(Weight, error.Tensor);
        Assert.Contains(
            $"expected 66 bytes, for the shape [6, 22] in '{State}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ct-4-bits-group", """{"format": "marlin-24"}""", "in the format 'marlin-24'")]
    [InlineData("ct-4-bits-group", """{"sparsity_config": {"format": "sparse-24-bitmask"}}""",
        "in the format 'sparse-24-bitmask'")]
    [InlineData("ct-4-bits-group", """{"transform_config": {"config_groups": {"R1": {}}}}""",
        "with rotations ('transform_config')")]
    [InlineData("ct-4-bits-group",
        """{"config_groups": {"g": {"targets": ["Linear"], "weights": {"strategy": "spiral", "num_bits": 4}}}}""",
        "by the strategy 'spiral'")]
    [InlineData("ct-4-bits-group",
        """{"config_groups": {"g": {"targets": ["Linear"], "weights": {"strategy": "group", "num_bits": 0}}}}""",
        "with 0 bits in 'a.q_proj'")]
    [InlineData("gptq-3-bits", """{"bits": 5}""", "with 5 bits")]
    [InlineData("gptq-3-bits", """{"checkpoint_format": "marlin"}""", "in the version 'marlin'")]
    [InlineData("auto-round", """{"packing_format": "mlx"}""", "in the layout 'mlx'")]
    public void Open_WhatTheLibraryCanWriteAndIsNotRead_IsNamed(string variant, string settings, string what)
    {
        var folder = QuantizedVariantTests.Variants[variant]();
        foreach (var (key, value) in JsonNode.Parse(settings)!.AsObject())
        {
            folder.Settings![key] = value?.DeepClone();
        }

        Assert.Equal(
            $"The weights of '{_folder.Path}' are quantized by the method '{folder.Settings!["quant_method"]}' {what}, "
            + "which cannot be read. Use the checkpoint that it was made from.", Refused(folder).Message);
    }

    [Theory]
    [InlineData("fp8-blocks", """{"weight_block_size": [4]}""", "weight_block_size")]
    [InlineData("ct-several-groups", """{"config_groups": {"g": {"targets": ["re:(("], "weights": {}}}}""",
        "config_groups")]
    [InlineData("gptq-3-bits", """{"group_size": 0}""", "group_size")]
    [InlineData("gptq-3-bits", """{"bits": "three"}""", "bits")]
    public void Open_SettingThatIsWrong_NamesIt(string variant, string settings, string key)
    {
        var folder = QuantizedVariantTests.Variants[variant]();
        foreach (var (name, value) in JsonNode.Parse(settings)!.AsObject())
        {
            folder.Settings![name] = value?.DeepClone();
        }

        Assert.StartsWith(
            $"'quantization_config.{key}' in the configuration of '{_folder.Path}' is ", Refused(folder).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ct-nvfp4", "1 tensors such as 'a.q_proj.input_global_scale'")]
    [InlineData("fp8-tensor", "'activation_scheme' of its configuration, 1 tensors such as 'a.q_proj.input_scale'")]
    [InlineData("modelopt-fp8", "2 tensors such as 'a.k_proj.k_scale'")]
    [InlineData("bnb-int8", "'load_in_8bit' of its configuration")]
    public void Warnings_ActivationsThatAreQuantizedToo_AreTold(string variant, string signs)
    {
        QuantizedVariantTests.Variants[variant]().Write(_folder);
        using var checkpoint = Checkpoint.Open(_folder.Path);

        Assert.Equal(
            [$"The checkpoint '{_folder.Path}' prescribes that activations are quantized too ({signs}). They stay "
                + "floats, which is more exact; only its weights are read."], checkpoint.Warnings);
    }

    [Fact]
    public void Warnings_KeysAndValuesAreQuantizedAlone_AreTold()
    {
        QuantizedFolder.WithConfig("""{"quant_method": "compressed-tensors", "kv_cache_scheme": {"num_bits": 8}}""")
            .Add("a.weight", TensorType.F32, new float[4], 2, 2)
            .Add("a.k_scale", TensorType.F32, new float[1], 1)
            .Write(_folder);
        using var checkpoint = Checkpoint.Open(_folder.Path);

        Assert.Equal(["a.weight"], checkpoint.Tensors.Keys);
        Assert.Null(checkpoint.Quantization);
        Assert.Contains("1 tensors such as 'a.k_scale'", Assert.Single(checkpoint.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ct-4-bits-group", "compressed-tensors")]
    [InlineData("bnb-nf4", "bitsandbytes")]
    public void Quantization_OfQuantizedWeights_IsTheMethod(string variant, string method)
    {
        QuantizedVariantTests.Variants[variant]().Write(_folder);
        using var checkpoint = Checkpoint.Open(_folder.Path);

        Assert.Equal(method, checkpoint.Quantization);
        Assert.Empty(checkpoint.Warnings);
    }

    private CheckpointException Refused(QuantizedFolder variant)
    {
        variant.Write(_folder);
        return Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder.Path));
    }
}
