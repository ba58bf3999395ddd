namespace Slipway.Training;

public sealed class NativeLibraryTests
{
    [Fact]
    public void TorchSharp_OnThisMachine_LoadsAndComputes()
    {
        using var sum = TorchSharp.torch.ones(3).sum();
        Assert.Equal(3f, sum.item<float>());
    }
}
