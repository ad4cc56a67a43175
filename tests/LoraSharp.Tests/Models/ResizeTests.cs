using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

public class ResizeTests
{
    [Theory]
    [InlineData("llama-gqa", 5)]
    [InlineData("qwen2-tied", 3)]
    [InlineData("qwen2-tied", -4)]
    public void Old_tokens_keep_their_logits_and_the_folder_reloads(string name, int change)
    {
        Assert.SkipWhen(GoldenFolder.ModelFolder(name) is null, $"The model {name} is not among the golden models.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder(name)!, new LoadOptions { Dtype = ScalarType.Float32 });
        int size = model.Config.Integer("vocab_size"), resized = size + change, kept = Math.Min(size, resized);
        Tensor ids = tensor(new long[] { 3, 5, 7, 9 }).unsqueeze(0);
        Tensor before = model.Logits(ids);
        bool tied = model.TiesWordEmbeddings;

        model.ResizeTokenEmbeddings(resized);

        Tensor after = model.Logits(ids);
        Assert.Equal([1, 4, resized], after.shape);
        Assert.Equal(0, (after.narrow(2, 0, kept) - before.narrow(2, 0, kept)).abs().max().item<float>());
        using var folder = new TemporaryFolder();
        model.Save(folder.Path);
        using CausalLM again = CausalLM.Load(folder.Path);
        Assert.Equal(tied, again.TiesWordEmbeddings);
        Assert.Equal(0, (again.Logits(ids) - after).abs().max().item<float>());
    }

    [Fact]
    public void An_added_token_can_be_trained_and_an_adapted_head_is_refused()
    {
        Assert.SkipWhen(GoldenFolder.ModelFolder("llama-tiny") is null, "The tiny model is not among the golden models.");
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-tiny")!);
        Tokenizer tokenizer = Tokenizer.Load(GoldenFolder.ModelFolder("llama-tiny")!);
        tokenizer.AddSpecialTokens("<|new|>");
        int id = tokenizer.TokenToId("<|new|>")!.Value;
        model.ResizeTokenEmbeddings(tokenizer.VocabSizeWithAddedTokens);
        using var scope = NewDisposeScope();
        Tensor logits = model.Logits(tensor(new long[] { 3, id }).unsqueeze(0));
        logits.sum().backward();
        Dictionary<string, Parameter> parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        Assert.True(parameters["model.embed_tokens.weight"].grad![id].abs().sum().item<float>() > 0);

        model.AddLora(targetModules: ["lm_head", "q_proj"]);
        Assert.Throws<InvalidOperationException>(() => model.ResizeTokenEmbeddings(999));
    }
}
