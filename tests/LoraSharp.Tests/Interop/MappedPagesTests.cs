using LoraSharp.Files;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Interop;

public sealed class MappedPagesTests
{
    [Fact]
    public void A_released_tensor_can_be_read_again()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        Tensor value = arange(100_000, dtype: ScalarType.Float32);
        string path = folder.At("a.safetensors");
        SafeTensorsWriter.Write(path, [TensorSource.Of("x", value), TensorSource.Of("y", value * 2)]);
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        Assert.True(file.Load("x").eq(value).all().item<bool>());
        file.Release("x");
        Assert.True(file.Load("x").eq(value).all().item<bool>());
        Assert.True(file.Load("y").eq(value * 2).all().item<bool>());
    }
}
