using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.Tracing.Tests.Modules.Networks;

/// <summary>A network from one tensor to another; its layers are the fields.</summary>
internal abstract class Network : Module<Tensor, Tensor>
{
    // Fields are set before a base class's constructor runs.
    protected Network()
        : base("Network") => RegisterComponents();
}

/// <summary>A network of two inputs.</summary>
internal abstract class PairNetwork : Module<Tensor, Tensor, Tensor>
{
    protected PairNetwork()
        : base("PairNetwork") => RegisterComponents();
}

/// <summary>A network with an example of its inputs and the axes that vary beside the batch.</summary>
/// <param name="Make">Makes it with random weights.</param>
/// <param name="Example">Makes the inputs.</param>
/// <param name="Axes">The axes, by input and number.</param>
internal sealed record Case(
    Func<Module> Make, Func<Tensor[]> Example, (string Input, int Axis, DynamicAxis Size)[] Axes)
{
    /// <summary>On images [batch, 3, height, width] whose sides are multiples of 8.</summary>
    public static Case OnImages(Func<Module> make, string input = "input") => new(
        make, () => [Normal(1, 3, 16, 24)], [
            (input, 2, new DynamicAxis("height", 16, 128, 8)), (input, 3, new DynamicAxis("width", 16, 128, 8))]);

    /// <summary>On images [batch, 3, 16, 16].</summary>
    public static Case OnFixedImages(Func<Module> make) => new(make, () => [Normal(2, 3, 16, 16)], []);

    /// <summary>On numbers [batch, length, 8].</summary>
    public static Case OnSequences(Func<Module> make) => new(
        make, () => [Normal(2, 6, 8)], [("input", 1, new DynamicAxis("length", 1, 200))]);

    /// <summary>On ids below 50 [batch, length].</summary>
    public static Case OnIds(Func<Module> make, long min = 1) => new(
        make, () => [Ids(2, 6)], [("input", 1, new DynamicAxis("length", min, 64))]);

    /// <summary>On rows of numbers [batch, 8].</summary>
    public static Case OnRows(Func<Module> make) => new(make, () => [Normal(3, 8)], []);

    /// <summary>Normal numbers, the same each time.</summary>
    public static Tensor Normal(params long[] shape) => randn(shape, generator: new Generator(5));

    /// <summary>Ids below 50, the same each time.</summary>
    public static Tensor Ids(params long[] shape) => randint(0, 50, shape, generator: new Generator(5));
}
