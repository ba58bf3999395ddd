using TorchSharp;

namespace Slipway.Torch;

/// <summary>Loads the native library that TorchSharp computes with.</summary>
internal static class NativeTorch
{
    /// <summary>Loads the library, unless it is loaded.</summary>
    /// <param name="name">Returned as it is, so that a module's constructor can load the library before its
    /// base.</param>
    /// <exception cref="NotSupportedException">The library is missing.</exception>
    public static string Require(string name)
    {
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
            return name;
        }
        catch (Exception exception) when (exception is TypeInitializationException or DllNotFoundException
            or NotSupportedException or BadImageFormatException)
        {
            throw new NotSupportedException(
                "The native library of PyTorch is missing or of another version. Reference the package 'libtorch-cpu' "
                + "in the program, or that of its system alone, such as 'libtorch-cpu-linux-x64', of the version that "
                + "TorchSharp asks for.",
                exception);
        }
    }
}
