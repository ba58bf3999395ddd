using System.Runtime.InteropServices;
using Iced.Intel;
using Slipway.Kernels.X86;
using Assembler = Slipway.Kernels.X86.Assembler;
using Register = Slipway.Kernels.X86.Register;

namespace Slipway.Kernels.Tests.X86;

/// <summary>Reads what is assembled by a disassembler of others.</summary>
public sealed class AssemblerTests
{
    [Fact]
    public void Scalar_AnyRegisters_AreReadAsWritten()
    {
        var code = new Assembler();
        code.Push(Register.Rbx);
        code.Push(Register.R12);
        code.Set(Register.Rcx, 15);
        code.Set(Register.R15, -1);
        code.Add(Register.Rdi, 32);
        code.Add(Register.R9, 100_000);
        code.Load(Register.Rax, new Address(Register.Rdi, 8));
        code.Load(Register.R15, new Address(Register.Rsp));
        code.Store(new Address(Register.R13, 1024), Register.R10);
        code.LoadAddress(Register.R15, new Address(Register.Rbp, 0, Register.Rbp, 2));
        code.LoadAddress(Register.R8, new Address(Register.R12, 4, Register.R9, 1));
        code.Prefetch(new Address(Register.R12, 2048));
        code.Prefetch(new Address(Register.Rsi));
        code.ClearUpper();
        code.Pop(Register.R12);
        code.Return();
        Assert.Equal(
            [
                "push rbx", "push r12", "mov ecx,0Fh", "mov r15d,0FFFFFFFFh", "add rdi,20h", "add r9,186A0h",
                "mov rax,[rdi+8]", "mov r15,[rsp]", "mov [r13+400h],r10", "lea r15,[rbp+rbp*2]", "lea r8,[r12+r9+4]",
                "prefetcht0 [r12+800h]", "prefetcht0 [rsi]", "vzeroupper", "pop r12", "ret",
            ], Read(code));
    }

    [Fact]
    public void Vectors_AnyRegisters_AreReadAsWritten()
    {
        var code = new Assembler();
        code.Repeat(21, Register.R15);
        code.Vector(VectorInstruction.Load, 9, 0, new Address(Register.R12, 192));
        code.Vector(VectorInstruction.Load, 31, 0, new Address(Register.Rdi, 20));
        code.Vector(VectorInstruction.Store, 15, 0, new Address(Register.Rax, 0, Register.Rbp, 2));
        code.Vector(VectorInstruction.LoadWords, 18, 0, new Address(Register.R13, 32));
        code.Vector(VectorInstruction.LoadBytes, 19, 0, new Address(Register.R13, 64));
        code.Vector(VectorInstruction.Repeat, 22, 0, new Address(Register.Rdi, 96));
        code.Vector(VectorInstruction.RepeatLong, 19, 0, new Address(Register.R13, 64));
        code.Vector(VectorInstruction.And, 1, 17, 30);
        code.Vector(VectorInstruction.Xor, 30, 7, 8);
        code.Vector(VectorInstruction.ShiftWordsRight, 17, 16, (byte)4);
        code.Vector(VectorInstruction.ShiftLeft, 2, 25, (byte)13);
        code.Vector(VectorInstruction.ShiftLongsRight, 19, 9, 24);
        code.Vector(VectorInstruction.Permute, 19, 20, 25);
        code.Vector(VectorInstruction.ToSingle, 5, 0, 29);
        code.Vector(VectorInstruction.Multiply, 20, 18, new Address(Register.R8, 0, Register.Rbx, 1), isRepeated: true);
        code.Vector(VectorInstruction.MultiplyAdd, 8, 0, 20);
        code.Vector(VectorInstruction.MultiplySubtract, 0, 19, new Address(Register.R11), isRepeated: true);
        code.Vector(
            VectorInstruction.AddByteProducts, 7, 16, new Address(Register.Rdx, 28, Register.Rbp, 1), isRepeated: true);
        code.Vector(VectorInstruction.AddByteProducts, 23, 31, new Address(Register.R9, 6), isRepeated: true);
        Assert.Equal(
            [
                "vpbroadcastd zmm21,r15d", "vmovdqu32 zmm9,[r12+0C0h]", "vmovdqu32 zmm31,[rdi+14h]",
                "vmovdqu32 [rax+rbp*2],zmm15", "vpmovsxwd zmm18,[r13+20h]", "vpmovzxbd zmm19,[r13+40h]",
                "vbroadcastss zmm22,[rdi+60h]", "vpbroadcastq zmm19,[r13+40h]", "vpandd zmm1,zmm17,zmm30",
                "vpxord zmm30,zmm7,zmm8", "vpsrlw zmm17,zmm16,4", "vpslld zmm2,zmm25,0Dh", "vpsrlvq zmm19,zmm9,zmm24",
                "vpermps zmm19,zmm20,zmm25", "vcvtdq2ps zmm5,zmm29", "vmulps zmm20,zmm18,[r8+rbx]{1to16}",
                "vfmadd231ps zmm8,zmm0,zmm20", "vfnmadd231ps zmm0,zmm19,[r11]{1to16}",
                "vpdpbusd zmm7,zmm16,[rdx+rbp+1Ch]{1to16}", "vpdpbusd zmm23,zmm31,[r9+6]{1to16}",
            ], Read(code));
    }

    [Fact]
    public void Loop_JumpsToItsStartAsLongAsTheCounterIsNotZero()
    {
        var code = new Assembler();
        code.Add(Register.Rax, 1);
        var start = code.Here;
        code.Add(Register.Rax, 2);
        code.Loop(Register.R14, start);
        Assert.Equal(["add rax,1", "add rax,2", "dec r14", $"jne {start}"], Read(code));
    }

    /// <summary>
    /// No routine reads or writes but through the job's pointers and its own stack, and all can be read.
    /// </summary>
    [Theory]
    [InlineData(4, 2, false)]
    [InlineData(4, 4, true)]
    [InlineData(8, 2, false)]
    [InlineData(8, 4, true)]
    public void Write_AnyRoutine_EndsAsItBegan(int bits, int numberBytes, bool hasMinima)
    {
        for (var rows = 1; rows <= ProductCode.MaxRows; rows++)
        {
            var lines = Lines(ProductCode.Write(bits, numberBytes, hasMinima, rows));
            Assert.DoesNotContain(lines, line => line.Contains("bad", StringComparison.Ordinal));
            Assert.Equal(
                lines.Count(line => line.StartsWith("push", StringComparison.Ordinal)),
                lines.Count(line => line.StartsWith("pop", StringComparison.Ordinal)));
            Assert.Equal("ret", lines[^1]);
            Assert.Single(lines, "ret");
            Assert.Equal(
                rows * 8, lines.Count(line => line.StartsWith("vpdpbusd", StringComparison.Ordinal)));
            Assert.Equal(
                rows, lines.Count(line => line.StartsWith("vmovdqu32 [", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public unsafe void Map_Code_CanBeCalled()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "The code is of x64.");
        var code = new Assembler();
        code.Set(Register.Rax, 41);
        code.Add(Register.Rax, 1);
        code.Return();
        var function = (delegate* unmanaged<nint>)MachineCode.Map(code.ToArray());
        Assert.SkipWhen(function == null, "The system lets no program make code.");
        Assert.Equal(42, function());
    }

    private static string[] Read(Assembler code) => Lines(code.ToArray());

    private static string[] Lines(byte[] code)
    {
        var decoder = Decoder.Create(64, code);
        var formatter = new IntelFormatter();
        formatter.Options.MemorySizeOptions = MemorySizeOptions.Never;
        formatter.Options.SpaceAfterOperandSeparator = false;
        var lines = new List<string>();
        while (decoder.IP < (ulong)code.Length)
        {
            var output = new StringOutput();
            formatter.Format(decoder.Decode(), output);
            lines.Add(output.ToStringAndReset());
        }

        return [.. lines];
    }
}
