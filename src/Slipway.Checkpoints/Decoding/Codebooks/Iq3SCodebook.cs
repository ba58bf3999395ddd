namespace Slipway.Checkpoints.Decoding.Codebooks;

// 512 entries of 4 values, 3 bits a value: the level.
internal static class Iq3SCodebook
{
    public const string Packed =
        "ABAAAlAAB4AACaAADOAAEBABFbABICACJXACKbACMCADOcADPwAEQSAERIAESdAEUDAFV5AFXUAGcVAHegAIgVAIh4AIi+AIkVAJ" +
        "mMAJolAKp5AKq4ALuzAMydAM0CAN2bAN3kAO6KAO95AP/QAQC/EQEUERGgESI5ESOCEURAEVUmEVWxEWZXEWdrEXhpEYi5EZqpEb" +
        "wCEcxAEd0mEd24Ee7AEgASIgBIIgCbIgDfIgECIhGcIhHsIiLhIjOgIkQTIkRoIkTBIlWLIlYYImaoInfgIoitIojwIplKIpoDIq" +
        "rQIruhIsxHIsyLIs0XIt2MIt4SIv+DIwBaMwDJMxGyMyJoMyLBM0SLM0UYM1WpM2kEM5l0M6phM8w4M8yhM93RM+8oM/ABRAA1RA" +
        "B4RACsRADhRBE3RBGKRBITRCJYRCKnRDOLRDPQREQoRES/REUlRFWcRFYpRGgURIhxRJk4RJnxRKq/RKucRLwCRMxZRM0kRN2bRN" +
        "4oRO9hRQBwVRE6VRHRVSOtVTRJVUUvVVYLVWeAVYgnVYkdVasVVcyWVd2DVe6CVgCbZgDfZgEpZhG9ZhIkZiJ5ZiM5ZjQTZkRcZk" +
        "UTZlYAZneuZngKZokKZpnIZqwYZszBZt03Zt2BZu43Zu7bZvA5dwDidxGadyMEdzQYd0Sld1Wkd2brd3jhd6wTd80Cd93QeABKiA" +
        "EEiBF6iBIYiCOCiER5iESyiFWNiFY5iGbRiIg4iIjRiJmwiKryiLuEiMybiM0CiN2diNACmQFPmRIJmTRXmUUSmXi8mZsImczYmd" +
        "45meAoqgDCqhIEqiJ6qiNsqjQTqkRaqkUaqlegqoiTqpmOqpqyqsx4qs10qu6Vqv+xqwBAuxGmuySmu1abu2oiu8xCu9CbzADZzB" +
        "GwzDQAzFV0zHiszJotzKsozLwMzM0QzOFT3SMg3UQ83VcF3YoJ3cyw3gBH7gEC7hHg7iLC7jQp7kVD7mZR7ohI7ojh7pmJ7qwq7t" +
        "3b7uAV/wCw/xKC/1Yi/4mQ/8";
}
