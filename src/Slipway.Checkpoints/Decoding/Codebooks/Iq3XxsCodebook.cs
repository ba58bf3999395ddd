namespace Slipway.Checkpoints.Decoding.Codebooks;

// 256 entries of 4 values, 3 bits a value: the level.
internal static class Iq3XxsCodebook
{
    public const string Packed =
        "ACAABJAAC/AAECABGSACO9ADQTAESKAEUVAFWKAFYcAGeAAIgkAIiQAJkpAJm/AJqfAKvRAMx4AMylAN+LAQH0ESL7ETPREUR6EV" +
        "atEZtIEczOEc4xEfATIgCKIgETIhGKIhHHIiKAIkQpIkUCIlgTIoiKIokYIpugIswgIt2WIu9hIwBYMyUEM1ZpM3hSM94ANAApRA" +
        "CwRBEmRBGSRCQTRERYREShRFWDRHd4RHgCRIifRIkCRJnwRKrRRMyMRM+MRPHbVSQ3VVYcVXwTVczlVeAYZgChZhE4ZiNaZjQCZk" +
        "UJZlZGZmgTZoiFZpqqZrybZtGHdyOgd0Rid1bcd4njd72wd/BPiAHfiBK/iCfAiJnwiKsGiLx1iOBJmSNFmVY4mXxYmcyomdChqi" +
        "OAqkRmqlbcqomqqrwrquCDuxF6uzQpu1qEu94kvBJGzCNBzFcfzItIzN3kzSRa3Wmz3c0T3gBX7gCK7hKm7lYK7opa7qwN7s2w7v" +
        "ER/yQC/0VI/5";
}
