using System.CommandLine;
using LoraSharp.Benchmarks.Training;

var root = new RootCommand("LoraSharp benchmarks.") { StepBenchmark.Create() };
return root.Parse(args).Invoke();
